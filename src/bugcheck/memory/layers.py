"""Several address spaces over one another → one: the first that has a byte supplies it.

Source: the way debuggers add images to a minidump that left code out (`.exepath` in WinDbg).
"""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.errors import MemoryFault, UsageError
from bugcheck.memory.address_space import AddressSpace


class LayeredSpace(AddressSpace):
    """Address spaces in order of precedence, of the same pointer size.

    Attributes:
        spaces: the layers, the first on top.
    """

    def __init__(self, spaces: Sequence[AddressSpace]) -> None:
        """Lay spaces over one another. Raises UsageError when there are none or their pointers differ in size."""
        if not spaces or len({space.pointer_size for space in spaces}) > 1:
            raise UsageError("layers need at least one address space, all with pointers of one size")
        self.spaces = tuple(spaces)
        self.pointer_size = spaces[0].pointer_size
        self.address_bits = max(space.address_bits for space in spaces)

    def piece(self, address: int, size: int) -> bytes:
        """Read from the first layer that has the byte, up to where a layer above it may have bytes again.

        Raises:
            MemoryFault: no layer has the byte; the top layer's reason.
        """
        reason: MemoryFault | None = None
        for space in self.spaces:
            try:
                return space.piece(address, size)
            except MemoryFault as fault:
                reason = reason or fault
                size = min(size, space.hole(address))
        assert reason is not None  # __init__ refuses an empty list
        raise reason

    def try_piece(self, address: int, size: int) -> bytes:
        """Do as `piece`, but give b"" where no layer has the byte."""
        for space in self.spaces:
            data = space.try_piece(address, size)
            if data:
                return data
            size = min(size, space.hole(address))
        return b""

    def hole(self, address: int) -> int:
        """Count the bytes that every layer lacks."""
        return min(space.hole(address) for space in self.spaces)
