"""An IRP's bytes → what was asked of which device, and how far down its stack the request has come.

Source: IRP and IO_STACK_LOCATION in wdm.h, as Microsoft documents them; offsets by IoLayout.

Folklore:
    Stack locations lie behind the IRP, number 1 first, and are used from the highest number down: the top driver of a
    device stack has number StackCount.  CurrentLocation is StackCount + 1 before the first driver, and StackCount + 2
    when the request is complete.  Locations below the current one are stale or zero.
    Size tells what was allocated, which is more than StackCount where the IRP came from a lookaside list.
    The SCSI stack sends its requests as IRP_MJ_INTERNAL_DEVICE_CONTROL, some with minor function 0 as if they were
    controls: the control code of such a request is half an address.
    IRP_SYNCHRONOUS_PAGING_IO and IRP_INPUT_OPERATION are one bit.
"""

from __future__ import annotations

from bugcheck.machine.control_code import ControlCode
from bugcheck.machine.io_layout import Fields, IoLayout, flag_names, io_name
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

IO_TYPE_IRP = 6
STACK_LIMIT = 127
"""StackCount is a signed byte."""

_READ, _WRITE, _FILE_SYSTEM_CONTROL, _DEVICE_CONTROL, _INTERNAL_CONTROL, _POWER = 3, 4, 0xD, 0xE, 0xF, 0x16
_CONTROL_MINORS = {_FILE_SYSTEM_CONTROL: (0, 4), _DEVICE_CONTROL: range(256), _INTERNAL_CONTROL: (0,)}
"""Minor functions whose parameters are a control code: not mounting a volume, not IRP_MN_SCSI_CLASS."""

_SET_POWER, _QUERY_POWER = 2, 3


@dataclass(frozen=True, slots=True)
class DeviceControl:
    """Parameters of a device or file system control. Lengths in bytes; `type3_input_buffer`: a virtual address."""

    code: ControlCode
    input_length: int
    output_length: int
    type3_input_buffer: int


@dataclass(frozen=True, slots=True)
class PowerRequest:
    """Parameters of a request to set or query power.

    Attributes:
        kind: "SystemPowerState" or "DevicePowerState". state: "PowerDeviceD3", "PowerSystemSleeping3", ….
        action: "PowerActionSleep", …: why. Numbers without a name are written in hexadecimal.
        system_context: the power manager's own.
    """

    kind: str
    state: str
    action: str
    system_context: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Parameters of a read or write: bytes, and the offset in the file or device (signed: -1 is the file's end)."""

    length: int
    byte_offset: int


@dataclass(frozen=True, slots=True)
class StackLocation:
    """An IO_STACK_LOCATION: the request as one driver of the stack got it.

    Attributes:
        number: 1 for the lowest. address: of the location.
        major, minor: function codes. flags, control: as stored; see `control_names`.
        device_object, file_object: virtual addresses. completion_routine, context: of the driver above.
        arguments: Parameters.Others.Argument1 to 4, whatever they mean for the function.
        parameters: the same where bugcheck knows the function.
    """

    number: int
    address: int
    major: int
    minor: int
    flags: int
    control: int
    device_object: int
    file_object: int
    completion_routine: int
    context: int
    arguments: tuple[int, int, int, int]
    parameters: DeviceControl | PowerRequest | Transfer | None = None

    @property
    def major_name(self) -> str:
        """`IRP_MJ_DEVICE_CONTROL`; a number without a name in hexadecimal."""
        return io_name("major", self.major, 2) or f"{self.major:#x}"

    @property
    def minor_name(self) -> str:
        """`IRP_MN_SET_POWER`; "" where the major function has no minor ones, else a number without a name."""
        name = io_name(f"minor.{self.major:02x}", self.minor, 2)
        return name or (f"{self.minor:#x}" if self.minor else "")

    @property
    def control_names(self) -> tuple[str, ...]:
        """When the completion routine is called, and whether the driver said pending: `SL_INVOKE_ON_ERROR`, …."""
        bits = (1 << bit for bit in range(8) if self.control >> bit & 1)
        return tuple(io_name("control", bit, 2) or f"{bit:#x}" for bit in bits)

    @property
    def is_empty(self) -> bool:
        """Tell whether the location was never filled in."""
        return not (self.device_object or self.completion_routine or self.major or self.minor or self.control)


@dataclass(frozen=True, slots=True)
class Irp:
    """An I/O request packet. Addresses are virtual; 0 where the IRP has none, None where the dump does not tell.

    Attributes:
        address, size: of the IRP, its stack locations included (bytes).
        stack_count: how many locations; current_location: number of the current one (see the module's folklore).
        status, information: IoStatus, as far as it is set. requestor_mode: 0 kernel, 1 user.
        system_buffer: AssociatedIrp (buffer, master IRP or count, by the flags).
        locations: number 1 first; those the dump has.
    """

    address: int
    size: int
    flags: int
    stack_count: int
    current_location: int
    requestor_mode: int
    pending_returned: bool
    cancelled: bool
    status: int | None
    information: int | None
    mdl: int | None
    system_buffer: int | None
    user_buffer: int | None
    user_event: int | None
    cancel_routine: int | None
    thread: int | None
    file_object: int | None
    locations: tuple[StackLocation, ...]

    @property
    def current(self) -> StackLocation | None:
        """Location of the driver that has the request now; None before the first, after the last, or absent."""
        return next((location for location in self.locations if location.number == self.current_location), None)

    @property
    def is_complete(self) -> bool:
        """Tell whether the I/O manager has completed the request."""
        return self.current_location > self.stack_count + 1

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags: `IRP_BUFFERED_IO`, …."""
        return flag_names("irp_flag", self.flags)


def read_irp(address: int, memory: AddressSpace, layout: IoLayout) -> Irp | None:
    """Read an IRP and its stack locations; None when it is not in the dump or its type or counts say it is none."""
    fields = Fields("IRP", address, memory, layout)
    size, count, current = fields.u16("Size"), fields.u8("StackCount"), fields.u8("CurrentLocation")
    if fields.u16("Type") != IO_TYPE_IRP or size is None or count is None or current is None:
        return None
    header, step = layout.size("IRP"), layout.size("IO_STACK_LOCATION")
    if not 1 <= count <= STACK_LIMIT or current > count + 2 or not header or not step or size < header:
        return None
    places = ((number, address + header + (number - 1) * step) for number in range(1, count + 1))
    found = (read_stack_location(place, memory, layout, number) for number, place in places)
    return Irp(
        address=address,
        size=size,
        flags=fields.u32("Flags") or 0,
        stack_count=count,
        current_location=current,
        requestor_mode=fields.u8("RequestorMode") or 0,
        pending_returned=bool(fields.u8("PendingReturned")),
        cancelled=bool(fields.u8("Cancel")),
        status=fields.u32("IoStatus.Status"),
        information=fields.pointer("IoStatus.Information"),
        mdl=fields.pointer("MdlAddress"),
        system_buffer=fields.pointer("AssociatedIrp"),
        user_buffer=fields.pointer("UserBuffer"),
        user_event=fields.pointer("UserEvent"),
        cancel_routine=fields.pointer("CancelRoutine"),
        thread=fields.pointer("Tail.Overlay.Thread"),
        file_object=fields.pointer("Tail.Overlay.OriginalFileObject"),
        locations=tuple(location for location in found if location is not None),
    )


def read_stack_location(address: int, memory: AddressSpace, layout: IoLayout, number: int = 0) -> StackLocation | None:
    """Read one IO_STACK_LOCATION; None when any of it is not in the dump. `number`: which of its IRP's it is."""
    if memory.try_read(address, layout.size("IO_STACK_LOCATION") or 1) is None:
        return None
    fields = Fields("IO_STACK_LOCATION", address, memory, layout)
    major, minor = fields.u8("MajorFunction") or 0, fields.u8("MinorFunction") or 0
    first, second, third, fourth = (fields.pointer(f"Parameters.Others.Argument{i}") or 0 for i in (1, 2, 3, 4))
    return StackLocation(
        number=number,
        address=address,
        major=major,
        minor=minor,
        flags=fields.u8("Flags") or 0,
        control=fields.u8("Control") or 0,
        device_object=fields.pointer("DeviceObject") or 0,
        file_object=fields.pointer("FileObject") or 0,
        completion_routine=fields.pointer("CompletionRoutine") or 0,
        context=fields.pointer("Context") or 0,
        arguments=(first, second, third, fourth),
        parameters=_parameters(major, minor, fields),
    )


def _parameters(major: int, minor: int, fields: Fields) -> DeviceControl | PowerRequest | Transfer | None:
    if minor in _CONTROL_MINORS.get(major, ()):
        return DeviceControl(
            ControlCode(fields.u32("Parameters.DeviceIoControl.IoControlCode") or 0),
            fields.u32("Parameters.DeviceIoControl.InputBufferLength") or 0,
            fields.u32("Parameters.DeviceIoControl.OutputBufferLength") or 0,
            fields.pointer("Parameters.DeviceIoControl.Type3InputBuffer") or 0,
        )
    if major == _POWER and minor in (_SET_POWER, _QUERY_POWER):
        return _power(fields)
    if major in (_READ, _WRITE):
        offset = fields.u64("Parameters.Read.ByteOffset") or 0
        length = fields.u32("Parameters.Read.Length") or 0
        return Transfer(length, offset - (1 << 64) if offset >> 63 else offset)
    return None


def _power(fields: Fields) -> PowerRequest:
    kind = fields.u32("Parameters.Power.Type") or 0
    state = fields.u32("Parameters.Power.State") or 0
    action = fields.u32("Parameters.Power.ShutdownType") or 0
    states = "device_power" if kind == 1 else "system_power"
    return PowerRequest(
        kind=io_name("power_type", kind, 1) or f"{kind:#x}",
        state=io_name(states, state, 1) or f"{state:#x}",
        action=io_name("power_action", action, 1) or f"{action:#x}",
        system_context=fields.u32("Parameters.Power.SystemContext") or 0,
    )
