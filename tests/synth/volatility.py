"""A dump's bytes → Volatility 3 layers over it, without its plugin machinery."""

import functools

from volatility3.framework import contexts
from volatility3.framework.layers import crash, intel, physical

from bugcheck.synth import DumpKind
from tests.synth.built import dump

LAYERS = {
    "x86": (crash.WindowsCrashDump32Layer, intel.WindowsIntel),
    "x86_pae": (crash.WindowsCrashDump32Layer, intel.WindowsIntelPAE),
    "x64": (crash.WindowsCrashDump64Layer, intel.WindowsIntel32e),
    "x64_encoded": (crash.WindowsCrashDump64Layer, intel.WindowsIntel32e),
}


@functools.cache
def volatility_view(name: str, kind: DumpKind) -> "VolatilityView":
    """The view of a built dump; made once, because a bitmap is slow to walk for Volatility."""
    return VolatilityView(name, dump(name, kind))


class VolatilityView:
    """The crash layer of a dump and translation layers on top of it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.context = contexts.Context()
        self.context.add_layer(physical.BufferDataLayer(self.context, "file", "file", data))
        self.context.config["crash.base_layer"] = "file"
        self._crash, self._intel = LAYERS[name]
        self.crash = self._crash(self.context, "crash", "crash")
        self.context.add_layer(self.crash)

    def virtual(self, root: int) -> intel.Intel:
        """The address space under the page-table root at a physical address."""
        name = f"virtual{root:x}"
        if name in self.context.layers:
            return self.context.layers[name]
        self.context.config[f"{name}.memory_layer"] = "crash"
        self.context.config[f"{name}.page_map_offset"] = root
        layer = self._intel(self.context, name, name)
        self.context.add_layer(layer)
        return layer
