"""A DRIVER_OBJECT's bytes → which driver it is, and which code answers each kind of request.

Source: DRIVER_OBJECT in wdm.h, as Microsoft documents it.

Folklore:
    Major functions a driver does not serve point into nt (IopInvalidDeviceRequest).  A function in a third module is
    either a framework's (wdf01000, storport, ndis, … own the table of their drivers) or somebody's hook: hence
    `dispatch_table` names the module and leaves judging to others.
    Drivers inside nt (`\\Driver\\PnpManager`, `\\Driver\\ACPI_HAL`) have nt's base as DriverStart and DriverSize 0.
    DriverName is an object name (`\\Driver\\disk`, `\\FileSystem\\Ntfs`), no file name.  Its text lies elsewhere and
    may be missing where the object itself is there.
"""

from __future__ import annotations

from bugcheck.machine.device_object import DeviceObject, read_device_object
from bugcheck.machine.io_layout import Fields, IoLayout, flag_names, io_name
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

IO_TYPE_DRIVER = 4
MAJOR_FUNCTIONS = 28
"""IRP_MJ_MAXIMUM_FUNCTION + 1."""

DEVICE_LIMIT = 4096
"""Devices of one driver."""


@dataclass(frozen=True, slots=True)
class DriverObject:
    """A driver object. Addresses are virtual; 0 for none, None where the dump does not tell.

    Attributes:
        name: `\\Driver\\disk`; "" when its text is not in the dump.
        service_key: name of the driver's service; "" likewise.
        start, size: of the image in memory, size in bytes.
        device_object: its first device. driver_section: its loader entry.
        major_functions: address of the routine for each major function; () when the table is not in the dump.
    """

    address: int
    name: str
    service_key: str
    start: int
    size: int
    flags: int
    device_object: int | None
    driver_section: int | None
    driver_init: int | None
    driver_start_io: int | None
    driver_unload: int | None
    fast_io_dispatch: int | None
    major_functions: tuple[int, ...]

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags: `DRVO_LEGACY_DRIVER`, …."""
        return flag_names("driver_flag", self.flags)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A routine of the dispatch table: major function, address, and the module it lies in (None outside all)."""

    major: int
    address: int
    module: Module | None

    @property
    def major_name(self) -> str:
        """`IRP_MJ_CREATE`."""
        return io_name("major", self.major, 2) or f"{self.major:#x}"


def read_driver_object(address: int, memory: AddressSpace, layout: IoLayout) -> DriverObject | None:
    """Read a DRIVER_OBJECT; None when it is not in the dump or its type says it is none."""
    fields = Fields("DRIVER_OBJECT", address, memory, layout)
    start, size = fields.pointer("DriverStart"), fields.u32("DriverSize")
    if fields.u16("Type") != IO_TYPE_DRIVER or start is None or size is None:
        return None
    extension = fields.pointer("DriverExtension")
    service = Fields("DRIVER_EXTENSION", extension, memory, layout).text("ServiceKeyName") if extension else None
    return DriverObject(
        address=address,
        name=fields.text("DriverName") or "",
        service_key=service or "",
        start=start,
        size=size,
        flags=fields.u32("Flags") or 0,
        device_object=fields.pointer("DeviceObject"),
        driver_section=fields.pointer("DriverSection"),
        driver_init=fields.pointer("DriverInit"),
        driver_start_io=fields.pointer("DriverStartIo"),
        driver_unload=fields.pointer("DriverUnload"),
        fast_io_dispatch=fields.pointer("FastIoDispatch"),
        major_functions=_major_functions(fields.place("MajorFunction"), memory),
    )


def _major_functions(place: int | None, memory: AddressSpace) -> tuple[int, ...]:
    step = memory.pointer_size
    raw = None if place is None else memory.try_read(place, MAJOR_FUNCTIONS * step)
    if raw is None:
        return ()
    return tuple(int.from_bytes(raw[at : at + step], "little") for at in range(0, len(raw), step))


def dispatch_table(driver: DriverObject, modules: ModuleList) -> tuple[Dispatch, ...]:
    """Name the module of every routine of a driver's dispatch table."""
    table = enumerate(driver.major_functions)
    return tuple(Dispatch(major, address, modules.at(address)) for major, address in table)


def foreign_dispatches(driver: DriverObject, modules: ModuleList) -> tuple[Dispatch, ...]:
    """Routines of the dispatch table that lie neither in the driver's own image nor in nt."""

    def is_own(dispatch: Dispatch) -> bool:
        inside = driver.start <= dispatch.address < driver.start + driver.size
        return inside or (dispatch.module is not None and dispatch.module.name == "nt")

    table = dispatch_table(driver, modules)
    return tuple(dispatch for dispatch in table if dispatch.address and not is_own(dispatch))


def read_devices(driver: DriverObject, memory: AddressSpace, layout: IoLayout) -> tuple[DeviceObject, ...]:
    """List a driver's devices as far as the dump has them, at most DEVICE_LIMIT, each once."""
    found: dict[int, DeviceObject] = {}
    following = driver.device_object
    while following and following not in found and len(found) < DEVICE_LIMIT:
        device = read_device_object(following, memory, layout)
        if device is None:
            break
        found[following] = device
        following = device.next_device
    return tuple(found.values())
