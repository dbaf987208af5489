"""A DEVICE_OBJECT's bytes → what kind of device it is, whose, and the stack of devices it stands in.

Source: DEVICE_OBJECT in wdm.h, as Microsoft documents it; the private DEVOBJ_EXTENSION (AttachedTo, DeviceNode) by the
kernel's types or the shipped table.

Folklore:
    AttachedDevice points up the stack, towards the application; DEVOBJ_EXTENSION.AttachedTo points down, to the bus.
    Only the lowest device of a stack, the physical one (PDO), has a device node, and the node has the instance path.
    Its layout is private, so it is believed only when its PhysicalDeviceObject is this very device.
    NextDevice is another thing than the stack: the next device of the same driver.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.machine.io_layout import Fields, IoLayout, flag_names, io_name
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

IO_TYPE_DEVICE = 3
IO_TYPE_DEVICE_OBJECT_EXTENSION = 13
STACK_LIMIT = 128
"""Devices in one stack: DEVICE_OBJECT.StackSize is a signed byte."""


@dataclass(frozen=True, slots=True)
class DeviceObject:
    """A device object. Addresses are virtual; 0 for none, None where the dump does not tell.

    Attributes:
        driver_object: whose it is. next_device: the driver's next one.
        attached_device: the device above in the stack. attached_to: the one below.
        current_irp: being processed by StartIo. device_extension: the driver's own data.
        device_type: FILE_DEVICE_… number. stack_size: stack locations an IRP for it needs.
        device_node: of the Plug and Play manager, for the lowest device of a stack.
        instance_path, service: of that node ("SCSI\\\\Disk&Ven_…", "disk"); "" when there is none.
    """

    address: int
    size: int
    reference_count: int
    driver_object: int
    next_device: int | None
    attached_device: int | None
    attached_to: int | None
    current_irp: int | None
    flags: int
    characteristics: int
    device_extension: int | None
    device_type: int
    stack_size: int
    device_node: int | None
    instance_path: str = ""
    service: str = ""

    @property
    def type_name(self) -> str:
        """`FILE_DEVICE_DISK`; a number without a name in hexadecimal."""
        return io_name("device", self.device_type & 0xFFFF, 4) or f"{self.device_type:#x}"

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags: `DO_DIRECT_IO`, …."""
        return flag_names("device_flag", self.flags)


@dataclass(frozen=True, slots=True)
class DeviceStack:
    """The devices that stand on one another.

    Attributes:
        devices: the highest first, as the debugger's `!devstack` lists them.
        top_reached, bottom_reached: False when the walk broke off there: the dump does not hold the next device (or the
            pointer to it), the stack runs into itself, or it has more than STACK_LIMIT devices.
    """

    devices: tuple[DeviceObject, ...]
    top_reached: bool
    bottom_reached: bool

    @property
    def physical_device(self) -> DeviceObject | None:
        """The lowest device, when the walk came to the bottom."""
        return self.devices[-1] if self.devices and self.bottom_reached else None


def read_device_object(address: int, memory: AddressSpace, layout: IoLayout) -> DeviceObject | None:
    """Read a DEVICE_OBJECT; None when it is not in the dump or its type says it is none."""
    fields = Fields("DEVICE_OBJECT", address, memory, layout)
    size, driver, device_type = fields.u16("Size"), fields.pointer("DriverObject"), fields.u32("DeviceType")
    if fields.u16("Type") != IO_TYPE_DEVICE or size is None or driver is None or device_type is None:
        return None
    attached_to, node = _extension(fields.pointer("DeviceObjectExtension"), address, memory, layout)
    path, service = _node(node, address, memory, layout)
    return DeviceObject(
        address=address,
        size=size,
        reference_count=fields.u32("ReferenceCount") or 0,
        driver_object=driver,
        next_device=fields.pointer("NextDevice"),
        attached_device=fields.pointer("AttachedDevice"),
        attached_to=attached_to,
        current_irp=fields.pointer("CurrentIrp"),
        flags=fields.u32("Flags") or 0,
        characteristics=fields.u32("Characteristics") or 0,
        device_extension=fields.pointer("DeviceExtension"),
        device_type=device_type,
        stack_size=fields.u8("StackSize") or 0,
        device_node=node,
        instance_path=path,
        service=service,
    )


def _extension(
    address: int | None, device: int, memory: AddressSpace, layout: IoLayout
) -> tuple[int | None, int | None]:
    """Return the device below and the device node; None, None unless the extension is this device's."""
    if not address:
        return None, None
    fields = Fields("DEVOBJ_EXTENSION", address, memory, layout)
    if fields.u16("Type") != IO_TYPE_DEVICE_OBJECT_EXTENSION or fields.pointer("DeviceObject") != device:
        return None, None
    return fields.pointer("AttachedTo"), fields.pointer("DeviceNode")


def _node(address: int | None, device: int, memory: AddressSpace, layout: IoLayout) -> tuple[str, str]:
    if not address:
        return "", ""
    fields = Fields("DEVICE_NODE", address, memory, layout)
    if fields.pointer("PhysicalDeviceObject") != device:
        return "", ""
    return fields.text("InstancePath") or "", fields.text("ServiceName") or ""


def read_device_stack(address: int, memory: AddressSpace, layout: IoLayout) -> DeviceStack | None:
    """Read the whole stack a device stands in; None when that device itself is not to be had."""
    start = read_device_object(address, memory, layout)
    if start is None:
        return None
    seen = {address}
    above, top_reached = _walk(start, lambda device: device.attached_device, seen, memory, layout)
    below, bottom_reached = _walk(start, lambda device: device.attached_to, seen, memory, layout)
    return DeviceStack((*reversed(above), start, *below), top_reached, bottom_reached)


def _walk(
    start: DeviceObject,
    step: Callable[[DeviceObject], int | None],
    seen: set[int],
    memory: AddressSpace,
    layout: IoLayout,
) -> tuple[list[DeviceObject], bool]:
    """Follow the stack in one direction; also tell whether it ended by itself."""
    found: list[DeviceObject] = []
    following = step(start)
    while following:
        device = None if following in seen or len(seen) > STACK_LIMIT else read_device_object(following, memory, layout)
        if device is None:
            return found, False
        seen.add(following)
        found.append(device)
        following = step(device)
    return found, following == 0
