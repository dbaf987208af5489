"""Ten incidents unlike the story, each built as evidence and investigated end to end: what would an expert say?

Source: Microsoft's debugger documentation on the bug checks (7A, 1A, D1, 3B, 124, 116, 41 with a BugcheckCode of 0) and
what practitioners conclude from them; each test says so in its docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bugcheck.api.incident import investigate
from bugcheck.cases.investigate import Case
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, Prediction, State
from bugcheck.synth.description import DumpKind
from bugcheck.synth.workstation import Happening, Stop, Story, driver_address, driver_file, write_workstation

T = datetime(2024, 5, 20, 14, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NT = 0xFFFFF8047BA01000
DEFENDER, LOG = "Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational"


def investigated(folder: Path, stops: Sequence[Stop], happenings: Sequence[Happening] = (), **more: object) -> Case:
    story = Story(T - 45 * DAY, stops[-1].time + HOUR, stops, happenings, **more)  # type: ignore[arg-type]
    write_workstation(folder / "case", story)
    case = investigate(folder / "case", keep=False, known_issues=":memory:").case
    assert not [each.path for each in case.evidence if each.kind == "unknown"]
    assert not [gap for gap in case.gaps if "it failed" in gap.missing or "hypothesis in" in gap.what]
    return case


def of(case: Case, start: str) -> Hypothesis:
    return next(each for each in case.weighed.hypotheses if each.key.startswith(start))


def on(found: Hypothesis, topic: str) -> Prediction:
    return next(each for each in found.predictions if each.topic == topic)


def supported(case: Case) -> list[str]:
    return [each.id for each in case.weighed.hypotheses if each.state is State.SUPPORTED]


def in_driver(time: datetime, driver: str, code: int = 0xD1, **more: object) -> Stop:
    parameters = (
        (0xFFFFE00112345028, driver_address(), 0xC000009A, 4) if code == 0x116 else (0x10, 2, 1, driver_address())
    )
    return Stop(time, code, parameters, driver=driver, **more)  # type: ignore[arg-type]


def test_a_failing_disk(tmp_path: Path) -> None:
    """7A with STATUS_IO_DEVICE_ERROR and NO_SUCH_DEVICE, disk events 7, 11, 153 and resets just before: the disk."""
    stops = [
        Stop(T, 0x7A, (0xFFFFE00012345670, 0xFFFFFFFFC0000185, 0x1234, 0xFFFF8000AAAA0000), 20 * HOUR),
        Stop(T + 2 * DAY, 0x7A, (0xFFFFE00022345670, 0xFFFFFFFFC000000E, 0x1234, 0xFFFF8000BBBB0000), 9 * HOUR),
        Stop(T + 3 * DAY, 0xF4, (3, 0xFFFFE00033345670, 0xFFFFE00033345890, 0xFFFFF80400000000), 7 * HOUR),
    ]
    device = ("", "\\Device\\Harddisk0\\DR0"), ("", "0x1234")
    told = [
        Happening(each.time - ago * MINUTE, "disk", code, device)
        for each in stops
        for ago, code in ((3, 7), (12, 11), (40, 153))
    ]
    told += [Happening(each.time - 5 * MINUTE, "storahci", 129, (("", "\\Device\\RaidPort0"),)) for each in stops]
    case = investigated(tmp_path, stops, told)
    assert supported(case) == ["failing_disk"]
    assert "make a backup now" in case.plan.steps[0].text
    assert case.weighed.next_test is not None
    assert "health record" in case.weighed.next_test.how
    assert of(case, "bad_memory").log_odds < -2, "a status of storage is no changed bit"


def test_defective_memory(tmp_path: Path) -> None:
    """A flipped bit in a page table, bug checks all over, corrected memory errors for weeks: the memory."""
    stops = [
        Stop(T, 0x1A, (0x41792, 0xFFFF800012345678, 0x10000000000, 0), 3 * HOUR),
        Stop(T + DAY, 0x50, (0xFFFFD00112345678, 0, NT, 2), 5 * HOUR),
        Stop(T + 2 * DAY, 0xA, (0x0000010012345678, 2, 1, NT), 26 * HOUR),
        Stop(T + 4 * DAY, 0x3B, (0xC0000005, NT + 0x40, 0xFFFFA00012345000, 0), 2 * HOUR),
        Stop(T + 5 * DAY, 0x19, (0x20, 0xFFFFA00012345000, 0xFFFFA00012345020, 0x4020003), 6 * HOUR),
    ]
    memory = ("ErrorSource", "Corrected Machine Check"), ("Component", "Memory"), ("ErrorType", "Memory")
    told = [Happening(T - 20 * DAY + n * 7 * HOUR, "Microsoft-Windows-WHEA-Logger", 47, memory) for n in range(80)]
    case = investigated(tmp_path, stops, told)
    assert supported(case) == ["bad_memory"]
    assert "holds one set bit, bit 40" in on(of(case, "bad_memory"), "changed bits").told
    assert on(of(case, "bad_memory"), "memory errors reported").weight > 1, "frequent, but a sound machine has none"
    assert "default speed" in case.plan.steps[0].text
    assert case.weighed.next_test is not None
    assert case.weighed.next_test.what == "the result of a memory test"


def test_a_driver_installed_the_day_before(tmp_path: Path) -> None:
    """D1 in the driver that was installed the day before, after a quiet month: roll it back first."""
    stops = [in_driver(T + 5 * number * HOUR, "rtwlane.sys", uptime=(2 + number) * HOUR) for number in range(3)]
    device = ("DeviceInstanceID", "PCI\\VEN_10EC&DEV_8821"), ("DriverName", "rtwlane.inf")
    about = (
        ("DriverVersion", "2024.0.10.1"),
        ("DriverProvider", "Realtek Semiconductor Corp."),
        ("InstallStatus", "0x0"),
    )
    service = ("ServiceName", "rtwlane"), ("DriverFileName", "\\SystemRoot\\System32\\drivers\\rtwlane.sys"), device[0]
    told = [
        Happening(T - 26 * HOUR, "Microsoft-Windows-UserPnp", 20001, (*device, *about)),
        Happening(T - 26 * HOUR, "Microsoft-Windows-UserPnp", 20003, service),
    ]
    case = investigated(tmp_path, stops, told)
    assert set(supported(case)) == {"third_party_driver", "recent_change"}
    change = of(case, "recent_change")
    assert on(change, "change of what crashed").outcome is Outcome.OBSERVED
    assert on(change, "quiet before").outcome is Outcome.OBSERVED
    assert case.plan.steps[0].text.startswith("roll the driver back")


def test_a_windows_update_before_the_first_crash(tmp_path: Path) -> None:
    """3B without a culprit from hours after a cumulative update on, a quiet month before: the update, not for sure."""
    where = (0xC0000005, NT + 0x40, 0xFFFFA00012345000, 0)
    stops = [Stop(T + 9 * number * HOUR, 0x3B, where, (2 + 2 * number) * HOUR) for number in range(4)]
    title = ("updateTitle", "2024-05 Cumulative Update for Windows 10 Version 22H2 (KB5037768)")
    update = Happening(T - 8 * HOUR, "Microsoft-Windows-WindowsUpdateClient", 19, (title, ("updateGuid", "{1}")))
    case = investigated(tmp_path, stops, [update])
    assert supported(case) == ["recent_change"]
    assert "KB5037768" in case.plan.steps[0].text
    assert of(case, "recent_change").log_odds < 2, "it came before, and no crash says more"


def test_an_update_long_before_is_no_suspect(tmp_path: Path) -> None:
    title = ("updateTitle", "2024-05 Cumulative Update for Windows 10 Version 22H2 (KB5037768)")
    updates = [
        Happening(T - number * DAY, "Microsoft-Windows-WindowsUpdateClient", 19, (title, ("updateGuid", "{1}")))
        for number in range(1, 44, 2)
    ]
    case = investigated(tmp_path, [Stop(T, 0x3B, (0xC0000005, NT + 0x40, 0xFFFFA00012345000, 0))], updates)
    assert of(case, "recent_change").state is State.NOT_ELIMINATED, "one is installed every other day"


def test_machine_checks(tmp_path: Path) -> None:
    """124 with a processor's own error, and WHEA 18 at the boot after each: processor, voltage, firmware."""
    check = (0, 0xFFFFE00112345028, 0xBE000000, 0x800400)
    stops = [Stop(T + 15 * number * HOUR, 0x124, check, (1 + number) * HOUR) for number in range(4)]
    error = ("ErrorSource", "Machine Check Exception"), ("Component", "Processor Core"), ("ApicId", "4")
    told = [Happening(each.time + 4 * MINUTE, "Microsoft-Windows-WHEA-Logger", 18, error) for each in stops]
    case = investigated(tmp_path, stops, told)
    assert supported(case) == ["cpu_or_firmware"]
    reported = on(of(case, "cpu_or_firmware"), "hardware errors reported")
    assert reported.outcome is Outcome.OBSERVED, "firmware's word comes at the next boot"
    assert "default speed" in case.plan.steps[0].text
    assert of(case, "bad_memory").state is not State.SUPPORTED


def test_a_display_driver_that_does_not_answer(tmp_path: Path) -> None:
    """116 with resets (4101) before: the display driver, and if every version does it, the card."""
    stops = [
        in_driver(T + 13 * number * HOUR, "nvlddmkm.sys", 0x116, uptime=(3 + number) * HOUR) for number in range(4)
    ]
    resets = [Happening(each.time - ago * MINUTE, "Display", 4101, (("", "nvlddmkm"), ("", ""))) for each in stops
              for ago in (2, 30, 200)]  # fmt: skip
    case = investigated(tmp_path, stops, resets)
    assert supported(case) == ["third_party_driver"]
    assert on(of(case, "third_party_driver"), "display resets").weight == 0.8
    assert any("the card itself" in each.text for each in case.plan.steps)


def test_a_server_that_stops_in_its_nightly_backup(tmp_path: Path) -> None:
    """D1 in a backup's filter driver, minutes after the backup of each of five nights: move the job, see them move."""
    night = T.replace(hour=2)
    stops = [
        in_driver(night + number * DAY + (9 + 3 * number) * MINUTE, "bkpfilt.sys", uptime=23 * HOUR)
        for number in range(5)
    ]
    channel = "Microsoft-Windows-Backup"
    jobs = [Happening(night + number * DAY, channel, 1, (), channel) for number in range(-44, 6)]
    case = investigated(tmp_path, stops, jobs)
    assert supported(case) == ["third_party_driver"]
    assert on(of(case, "third_party_driver"), "job before the crash").outcome is Outcome.OBSERVED
    assert case.plan.steps[0].text == "move the job to another time of day"
    uptimes = on(of(case, "resource_exhaustion"), "uptime at the crash")
    assert uptimes.weight < 0.5, "equal uptimes are the clock's doing, no leak's"


def test_a_rootkit(tmp_path: Path) -> None:
    """A scanner names the driver that crashed, and its code in the dump is not its file's: malware, not a defect."""
    stop = Stop(T, 0x139, (3, 0xFFFFA00012345000, 0xFFFFA00012345100, 0), 23 * HOUR, "hxqrz.sys", DumpKind.FULL,
                bytes.fromhex("e900200000"))  # fmt: skip
    path = ("Path", "file:_C:\\Windows\\System32\\drivers\\hxqrz.sys")
    found = ("Product Name", "Microsoft Defender Antivirus"), ("Threat Name", "Trojan:Win64/Example.A"), path
    told = [Happening(T - 2 * HOUR, DEFENDER, 1116, found, LOG)]
    case = investigated(tmp_path, [stop], told, files={"hxqrz.sys": driver_file("hxqrz.sys")})
    assert supported(case) == ["malware_or_tampering"]
    malware = of(case, "malware_or_tampering")
    assert "code of hxqrz in the dump differs from hxqrz.sys at hxqrz+0x1050" in on(malware, "files unmodified").told
    assert "a scanner found the driver that crashed" in on(malware, "detections").told
    assert of(case, "third_party_driver").log_odds < 0
    assert "keep an image of the disk" in case.plan.steps[0].text


def test_a_detection_elsewhere_says_little(tmp_path: Path) -> None:
    path = ("Path", "file:_C:\\Users\\a\\Downloads\\toolbar.exe")
    found = ("Product Name", "Microsoft Defender Antivirus"), ("Threat Name", "PUA:Win32/Toolbar"), path
    stops = [in_driver(T + number * DAY, "nvlddmkm.sys") for number in range(3)]
    case = investigated(tmp_path, stops, [Happening(T - 2 * HOUR, DEFENDER, 1116, found, LOG)])
    assert of(case, "malware_or_tampering").state is State.NOT_ELIMINATED
    assert case.weighed.hypotheses[0].id == "third_party_driver"


def test_power_that_goes(tmp_path: Path) -> None:
    """41 with a BugcheckCode of 0, six times, no dump: supply or heat, or a hang; nothing is certain."""
    stops = [Stop(T + number * (DAY + 5 * HOUR), 0, uptime=(5 + 3 * number) * HOUR) for number in range(6)]
    case = investigated(tmp_path, stops)
    assert supported(case) == ["power_or_thermal"]
    assert of(case, "power_or_thermal").log_odds < 2
    assert "6 of 6 stops left neither a bug check nor a dump" in of(case, "power_or_thermal").decided_by
    assert case.plan.watch.quiet is not None
    assert "6 stops" in case.plan.watch.basis


@pytest.mark.parametrize("guest", [("vmbus.sys", "storvsc.sys", "netvsc.sys", "hyperkbd.sys"), ()])
def test_a_guest(tmp_path: Path, guest: tuple[str, ...]) -> None:
    """A crash that names nobody, in a virtual machine: its hardware is the host's; Driver Verifier is what tells."""
    stops = [Stop(T + 3 * number * DAY, 0xA, (0x0000010012345678, 2, 1, NT), 50 * HOUR) for number in range(3)]
    case = investigated(tmp_path, stops, guest=guest)
    assert supported(case) == []
    for name in ("bad_memory", "cpu_or_firmware", "power_or_thermal"):
        told = [each.told for each in of(case, name).predictions if each.topic == "real hardware"]
        assert bool(told) is bool(guest)
        assert not told or "faulty memory or heat would be the host's" in told[0]
    assert case.weighed.next_test is not None
    assert "Driver Verifier" in case.weighed.next_test.how


def test_one_crash_alone(tmp_path: Path) -> None:
    """One D1 in a display driver: named, not proven; and a year's quiet would not prove a fix."""
    case = investigated(tmp_path, [in_driver(T, "nvlddmkm.sys")])
    assert supported(case) == []
    assert case.weighed.hypotheses[0].driver == "nvlddmkm.sys"
    watch = case.plan.watch
    assert watch.quiet == timedelta(days=365)
    assert watch.confidence == pytest.approx(1 - 31 / (31 + 365), abs=0.01)
    assert "too rare" in watch.basis
