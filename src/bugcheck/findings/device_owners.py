"""Device and driver objects a bug check names → the modules that own them.

Source: machine/device_object.py, driver_object.py.  Folklore: the lowest device of a stack belongs to the bus driver,
which made it, and its driver object's image is the bus driver's; Windows' own bus drivers are hardly ever at fault,
a vendor's storage controller driver is the bus of its disks and may well be.
"""

from __future__ import annotations

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Citation, Crash
from bugcheck.machine.device_object import DeviceObject, read_device_object, read_device_stack
from bugcheck.machine.driver_object import read_driver_object
from bugcheck.machine.irp import Irp
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass


@dataclass(frozen=True, slots=True)
class OwnedDevice:
    """A device with its driver.

    Attributes:
        device: the device. driver: its driver object's name, "" when unknown. module: the driver's image, or None.
    """

    device: DeviceObject
    driver: str
    module: Module | None

    @property
    def owner(self) -> str:
        """File name of the driver, else the driver object's name, else its address."""
        return self.module.image if self.module else self.driver or f"driver object {self.device.driver_object:#x}"


def owned(crash: Crash, device: DeviceObject) -> OwnedDevice:
    """Find the driver of a device."""
    name, module = driver_image(crash, device.driver_object)
    return OwnedDevice(device, name, module)


def driver_image(crash: Crash, driver_object: int) -> tuple[str, Module | None]:
    """Return a driver object's name ("" when unknown) and the module of its image."""
    driver = read_driver_object(driver_object, crash.memory, crash.machine.io_layout)
    if driver is None:
        return "", None
    module = crash.modules.at(driver.start) or crash.modules.named(driver.name.rpartition("\\")[2] + ".sys")
    return driver.name, module


def device_owner(crash: Crash, address: int) -> OwnedDevice | None:
    """Read the device at an address with its driver; None when the dump does not hold the device."""
    device = read_device_object(address, crash.memory, crash.machine.io_layout)
    return owned(crash, device) if device else None


def stack_owners(crash: Crash, address: int) -> tuple[OwnedDevice, ...]:
    """List the devices of the stack a device stands in, the highest first; () when the dump lacks that device."""
    stack = read_device_stack(address, crash.memory, crash.machine.io_layout)
    return tuple(owned(crash, device) for device in stack.devices) if stack else ()


def instance_path(owners: tuple[OwnedDevice, ...]) -> str:
    """The plug and play path of a device stack ("SCSI\\\\Disk&Ven_…"), "" when the dump does not tell."""
    return next((owner.device.instance_path for owner in owners if owner.device.instance_path), "")


def holder_of(owners: tuple[OwnedDevice, ...], irp: Irp | None) -> int | None:
    """Which of the devices has the IRP: its place among `owners`; None when none of them has."""
    current = irp.current if irp else None
    if current is None:
        return None
    return next((at for at, owner in enumerate(owners) if owner.device.address == current.device_object), None)


def chain_in_words(owners: tuple[OwnedDevice, ...]) -> str:
    """A device stack as a clause, from the top."""
    names, path = ", ".join(owner.owner for owner in owners), instance_path(owners)
    return f"the device stack{f' of {path}' if path else ''} consists, from the top, of {names}"


def cite_device(owner: OwnedDevice) -> Citation:
    """Cite a device object by its address and its driver."""
    return Citation("field", f"device object {format_hex(owner.device.address)}", owner.owner)
