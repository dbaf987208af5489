"""What befell one Windows 10 machine → a folder of its evidence: small dumps, event logs as XML.

Source: Microsoft's Event schema, as `wevtutil qe /f:xml` writes it; the events are those Windows 10 writes at boots,
at shutdowns and after stops.  Names and times are invented; a description is complete, nothing comes from the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from bugcheck.synth.description import BugCheckDescription, DumpKind, ExceptionDescription, MachineDescription
from bugcheck.synth.images import ImageSpec, build_image, image_file
from bugcheck.synth.kernel_dumps import build_kernel_dump
from bugcheck.synth.machines import x64_machine

NAME = "PC-17"
_SCHEMA = "http://schemas.microsoft.com/win/2004/08/events/event"
_FILETIME_ZERO = datetime(1601, 1, 1, tzinfo=UTC)
_DRIVER, _CODE, _PATCHED = 2, 0x1020, 0x50
"""The module that may be another driver, the offset of its instruction at fault, and where its code is patched."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a log: when, who wrote it, its number, its named values, and the log."""

    time: datetime
    provider: str
    code: int
    data: tuple[tuple[str, str], ...] = ()
    channel: str = "System"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop: when, its bug check (0: the machine just went off), after how long, and what the dump shows.

    Attributes:
        driver: file name of the driver at fault; "" leaves the fault in nt. kind: of dump; None when there is none.
        patch: bytes over the driver's code in memory, not in its file.
    """

    time: datetime
    code: int
    parameters: tuple[int, int, int, int] = (0, 0, 0, 0)
    uptime: timedelta = timedelta(hours=5)
    driver: str = ""
    kind: DumpKind | None = DumpKind.TRIAGE_FULL_PATHS
    patch: bytes = b""


@dataclass(frozen=True, slots=True)
class Story:
    """All that befell the machine.

    Attributes:
        start, end: what its logs cover. stops: oldest first. happenings: other events, in any order.
        guest: drivers of guest devices, which tell that it is a virtual machine.
        files: further evidence by name.
    """

    start: datetime
    end: datetime
    stops: Sequence[Stop]
    happenings: Sequence[Happening] = ()
    guest: Sequence[str] = ()
    files: dict[str, str | bytes] = field(default_factory=dict[str, str | bytes])


def write_workstation(folder: Path, story: Story) -> None:
    """Write the evidence below a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = sorted([*_everyday(story), *story.happenings], key=lambda each: each.time)
    for channel in dict.fromkeys(each.channel for each in everything):
        events = [each for each in everything if each.channel == channel]
        name = channel.replace("/", "%4").replace("Microsoft-Windows-", "")
        (folder / f"{name}.xml").write_text(_log(events), "utf-8")
    for number, stop in enumerate(story.stops, 1):
        if stop.kind is not None and stop.code:
            name = f"{stop.time:%m%d%y}-{7000 + number}-01.dmp"
            (folder / name).write_bytes(build_kernel_dump(machine_of(stop, story.guest), stop.kind))
    for name, content in story.files.items():
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def machine_of(stop: Stop, guest: Sequence[str] = ()) -> MachineDescription:
    """The machine as it stopped."""
    machine = x64_machine()
    modules = list(machine.modules)
    driver = modules[_DRIVER]
    if stop.driver:
        code = driver.code[:_PATCHED] + stop.patch + driver.code[_PATCHED + len(stop.patch) :]
        path = f"\\SystemRoot\\System32\\drivers\\{stop.driver}"
        modules[_DRIVER] = replace(driver, name=stop.driver, path=path, code=code)
    else:
        modules[_DRIVER] = replace(driver, name="msrpc.sys", path="\\SystemRoot\\System32\\drivers\\msrpc.sys")
    for number, name in enumerate(guest):
        extra = replace(modules[3], name=name, path=f"\\SystemRoot\\System32\\drivers\\{name}")
        modules.append(replace(extra, base=driver.base + 0x100000 + 0x20000 * number))
    fault = machine.exception.address if machine.exception and stop.driver else modules[0].base + _CODE
    first, *others = machine.processors
    registers = {**first.registers, "rip": fault}
    ticks = (stop.time - _FILETIME_ZERO) // timedelta(microseconds=1) * 10
    return replace(
        machine,
        modules=tuple(modules),
        processors=(replace(first, registers=registers), *others),
        bugcheck=BugCheckDescription(stop.code, stop.parameters),
        exception=ExceptionDescription(0xC0000005, fault, (1, 0x10)),
        system_time=ticks,
        uptime=stop.uptime // timedelta(microseconds=1) * 10,
        unloaded=tuple(replace(each, time=ticks - 36_000_000_000) for each in machine.unloaded),
        broken_driver=stop.driver,
    )


def driver_address() -> int:
    """The address of the instruction at fault in the driver, for a stop's parameters."""
    machine = x64_machine()
    return machine.modules[_DRIVER].base + _CODE


def driver_file(name: str) -> bytes:
    """The file of the driver at fault, as its maker made it."""
    driver = x64_machine().modules[_DRIVER]
    spec = ImageSpec(
        x64_machine().architecture, name, driver.base, driver.size, driver.timestamp, driver.checksum, driver.code,
        pdb=driver.pdb, version=driver.version,
    )  # fmt: skip
    return image_file(build_image(spec))


def _everyday(story: Story) -> Iterator[Happening]:
    """What Windows writes anyway: boots, a daily note, the reports after stops."""
    minute = timedelta(minutes=1)
    yield from _boot(story.start)
    day = story.start + timedelta(hours=12)
    while day < story.end:
        yield Happening(day, "EventLog", 6013, (("", "43200"),))
        yield Happening(day, "SecurityCenter", 1, (), "Application")
        day += timedelta(days=1)
    for stop in story.stops:
        yield from _boot(stop.time - stop.uptime)
        back = stop.time + 3 * minute
        yield from _boot(back)
        parameters = tuple((f"BugcheckParameter{n}", f"{value:#x}") for n, value in enumerate(stop.parameters, 1))
        power = ("BugcheckCode", f"{stop.code}"), *parameters, ("SleepInProgress", "0"), ("PowerButtonTimestamp", "0")
        yield Happening(back, "Microsoft-Windows-Kernel-Power", 41, power)
        local = stop.time - timedelta(seconds=20)
        told = (("", f"{local:%H:%M:%S}"), ("", f"{local:%d.%m.%Y}"))
        yield Happening(back + timedelta(seconds=5), "EventLog", 6008, told)
        if stop.code:
            words = ", ".join(f"0x{value:016x}" for value in stop.parameters)
            dump = (("param1", f"0x{stop.code:08x} ({words})"), ("param2", "C:\\Windows\\MEMORY.DMP"))
            yield Happening(back + timedelta(seconds=9), "Microsoft-Windows-WER-SystemErrorReporting", 1001, dump)
    yield Happening(story.end, "EventLog", 6013, (("", "7200"),))
    yield Happening(story.end, "SecurityCenter", 1, (), "Application")


def _boot(time: datetime) -> Iterator[Happening]:
    yield Happening(time, "Microsoft-Windows-Kernel-General", 12, (("StartTime", f"{time:%Y-%m-%dT%H:%M:%SZ}"),))
    yield Happening(time + timedelta(seconds=2), "EventLog", 6009, (("", "10.00."), ("", "19041")))
    yield Happening(time + timedelta(seconds=2), "EventLog", 6005)


def _log(events: Sequence[Happening]) -> str:
    lines = [f"<Event xmlns='{_SCHEMA}'>{_system(each, number)}{_data(each)}</Event>" for number, each in
             enumerate(events, 1)]  # fmt: skip
    return "<Events>\n" + "\n".join(lines) + "\n</Events>\n"


def _system(each: Happening, number: int) -> str:
    time = f"{each.time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000Z"
    return (
        f"<System><Provider Name={quoteattr(each.provider)}/><EventID>{each.code}</EventID><Level>4</Level>"
        f"<TimeCreated SystemTime='{time}'/><EventRecordID>{number}</EventRecordID>"
        f"<Channel>{each.channel}</Channel><Computer>{NAME}</Computer></System>"
    )


def _data(each: Happening) -> str:
    cells = "".join(
        f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" if name else f"<Data>{escape(value)}</Data>"
        for name, value in each.data
    )
    return f"<EventData>{cells}</EventData>"
