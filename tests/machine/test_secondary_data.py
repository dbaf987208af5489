"""Secondary dump data: names of streams, decoded fields, damage; and the memory-manager totals of small dumps."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, KernelHeader, Stream, TriageFacts
from bugcheck.dump.formats.kernel_triage import read_kernel_triage
from bugcheck.knowledge.secondary_data import UNKNOWN, find_secondary_data
from bugcheck.knowledge.tables import table
from bugcheck.machine.memory_manager import read_memory_manager
from bugcheck.machine.secondary_data import SecondaryData, decode_secondary_data, list_secondary_data

BSD = "{F57308DF-CC45-4E01-AD76-29A4EBB010EC}"
PNP = "{B7631941-532A-4CD6-B1B1-EDB5917D4557}"
NTFS = "{00AFE9C4-940D-4213-8016-CD3719B5BC20}"
WINLOGON = "{80CC79CF-A719-4AF1-BF97-FE29FF76EBC1}"
PCI = "{9276C055-EB87-425C-B8B5-04E4D247F6CD}"
KMDF_DRIVERS = "{F87E4A4C-C5A1-4D2F-BFF0-D5DE63A5E4C3}"
STORAGE = "{DA82441D-7142-4BC1-B844-0807C5A4B67F}"
SMBIOS = "{BC5C008F-1E3A-44D7-988D-86F6884C6758}"
TICKS = 0x01D3645F716B79E3  # the page's "Last reference time"


def header() -> KernelHeader:
    """A kernel header of which only its being there matters."""
    unset = (None,) * 11
    return KernelHeader(4, 15, 26100, 0, 0, 0, 0, 0x8664, 1, 0, (0, 0, 0, 0), 0, None, "", *unset)


def dump_of(data: bytes, guid: str, architecture: Architecture = Architecture.X64) -> Dump:
    """A kernel dump whose file is one stream of `guid`."""
    view = BinaryView(data, "made.dmp")
    return Dump("kernel_triage", architecture, view, kernel=header(), streams=[Stream(guid, "", 0, len(data))])


def decode(data: bytes, guid: str, architecture: Architecture = Architecture.X64) -> SecondaryData:
    """Decode one stream."""
    return decode_secondary_data(dump_of(data, guid, architecture))[0]


def real(corpus: Path, name: str) -> Dump:
    """Open a real small dump."""
    path = corpus / "kernel" / name
    return read_kernel_triage(BinaryView(path.read_bytes(), path.name))


def named(dump: Dump, name: str) -> SecondaryData:
    """The first decoded stream of that name."""
    return next(item for item in decode_secondary_data(dump) if item.name == name)


def boot_status_of_the_page() -> bytes:
    """The values of Microsoft's page "!blackboxbsd" (version 136) laid out as RTL_BSD_DATA of ReactOS rtltypes.h."""
    block = struct.pack("<II6B2x", 136, 1, 0, 30, 1, 0, 0, 0)
    block += struct.pack("<Q4BH2xQII", 0, 0x61, 5, 12, 31, 8, TICKS, 0xB6AE84B7, 6)
    block += struct.pack("<3Bx3I", 1, 1, 0x7F, 6, 2, 5)
    block += struct.pack("<5I4x", 0, 0, 0, 0, 0)
    block += struct.pack("<QIHBB", 0x1D365B105EB9E3B, 6, 6, 0x20, 0)
    block += struct.pack("<QIHHB3x3I", 0x1D36112993B1191, 5, 5, 0, 1, 9, 0, 77)
    assert len(block) == 136
    return block


def test_boot_status_reads_as_microsofts_page_prints_it() -> None:
    # windows-driver-docs debuggercmds/-blackboxbsd.md, "Example Command Output"
    item = decode(boot_status_of_the_page(), BSD)
    fields = item.decoded
    assert (fields["version"], fields["product_type"], fields["advanced_boot_menu_timeout"]) == (136, "workstation", 30)
    assert (fields["last_boot_succeeded"], fields["last_boot_shutdown"]) == (True, False)
    transition, button = fields["power_transition"], fields["power_button"]
    assert isinstance(transition, dict)
    assert isinstance(button, dict)
    assert transition["system_running"] is True
    assert transition["sleep_in_progress"] == 6
    assert transition["connected_standby_entry_reason"] == 12
    assert transition["connected_standby_exit_reason"] == 31
    assert transition["system_sleep_transitions_to_on"] == 8
    assert transition["last_update_boot_id"] == 6
    assert (fields["boot_attempt_count"], fields["last_boot_id"]) == (1, 6)
    assert fields["last_successful_shutdown_boot_id"] == 2
    assert fields["last_reported_abnormal_shutdown_boot_id"] == 5
    assert (button["cumulative_press_count"], button["last_power_watchdog_stage"]) == (6, 0x20)
    assert (button["cumulative_release_count"], button["last_release_boot_id"]) == (5, 5)
    assert button["current_connected_standby_phase"] == 1
    assert button["transition_latest_checkpoint_id"] == 9
    assert button["transition_latest_checkpoint_sequence_number"] == 77
    assert "feature_configuration" not in fields
    assert item.summary == "boot 6, last clean shutdown in boot 2, last abnormal shutdown reported for boot 5"


@pytest.mark.corpus
def test_boot_status_agrees_with_the_dump_header(corpus: Path) -> None:
    # the header's BootId is an independent copy of the boot number (DUMP_HEADER64)
    compared = 0
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        dump = real(corpus, path.name)
        if dump.kernel is None or dump.kernel.boot_id is None:
            continue
        assert named(dump, "blackbox bsd").decoded["last_boot_id"] == dump.kernel.boot_id
        compared += 1
    assert compared == 9


@pytest.mark.corpus
def test_release_fields_of_both_sizes_follow_the_press(corpus: Path) -> None:
    # a release cannot come before its press; both machines' counts and boot ids are seen in the bytes
    dump = real(corpus, "ivellioscolin__kdlibcpp__win10_arm64_mem.dmp")
    button = named(dump, "blackbox bsd").decoded["power_button"]
    assert isinstance(button, dict)
    assert button["last_press_time"] == "2018-06-29T21:00:25.446Z"
    assert button["last_release_time"] == "2018-06-29T21:00:25.509Z"
    assert (button["cumulative_release_count"], button["last_release_boot_id"]) == (1, 2)
    button = named(real(corpus, "rizinorg__rizin-testbins__triage_arm64.dmp"), "blackbox bsd").decoded["power_button"]
    assert isinstance(button, dict)
    assert (button["cumulative_press_count"], button["cumulative_release_count"]) == (7, 5)


def test_pnp_tells_a_busy_device_from_the_last_one() -> None:
    # layout: ntoseye blackbox.rs (MIT), `pnp_and_winlogon_read_as_windbg_reads_real_blocks`; code 43: cfg.h
    device = "USB\\VID_1234&PID_5678".encode("utf-16-le") + b"\0\0"
    block = bytes(16) + struct.pack("<QIB3xIII", TICKS, 3, 1, 43, 0, 0x2C + len(device)) + device
    item = decode(block + "NVLDDMKM\0".encode("utf-16-le"), PNP)
    assert item.decoded["device_id"] == "USB\\VID_1234&PID_5678"
    assert item.decoded["veto"] == "NVLDDMKM"
    assert item.summary == (
        "PnP was working on USB\\VID_1234&PID_5678, problem 43 CM_PROB_FAILED_POST_START, vetoed by NVLDDMKM"
    )


@pytest.mark.corpus
def test_pnp_of_a_real_dump(corpus: Path) -> None:
    # the bytes at 0x2c of the stream in a hex dump of the file
    item = named(real(corpus, "r-Techsupport__training_bsods__50_0.dmp"), "blackbox pnp")
    assert item.decoded["device_id"] == "STORAGE\\VolumeSnapshot\\HarddiskVolumeSnapshot1"
    assert (item.decoded["problem_code"], item.decoded["in_progress"]) == (24, False)


def ntfs_block() -> bytearray:
    """The header of every NTFS blackbox of the corpus, without records."""
    data = bytearray(0x1000)
    struct.pack_into("<4HQ2H", data, 0, 0, 0x1000, 0x118, 0, TICKS, 8, 0x18)
    return data


def test_ntfs_lists_slots_and_chained_breaks_and_stops_in_a_loop() -> None:
    # the records of ntoseye blackbox.rs, `ntfs_records_come_from_used_slots_then_the_chain`, with a chain that loops
    data = ntfs_block()
    struct.pack_into("<3Q", data, 0x18, 0xFFFF_1110, 0xFFFF_2220, 0xFFFF_3330)
    struct.pack_into("<4H2QI15s15s", data, 0x118, 2, 0x40, 0x118, 0, 0x5550, 0x6660, 4, b"OWNER.EXE", b"BREAKER.EXE")
    item = decode(bytes(data), NTFS)
    assert item.decoded["slow_io"] == [{"irp": 0xFFFF_1110, "scb": 0xFFFF_2220, "thread": 0xFFFF_3330}]
    assert item.decoded["oplock_breaks"] == [
        {
            "irp": 0x5550,
            "scb": 0x6660,
            "reason": "NtfsFsdCreate",
            "owner_process": "OWNER.EXE",
            "breaking_process": "BREAKER.EXE",
        }
    ]
    assert item.summary == "NTFS noted 1 slow request and 1 unanswered oplock break"


def test_ntfs_header_beyond_its_data_says_so() -> None:
    data = ntfs_block()
    struct.pack_into("<H", data, 0x10, 0xFFFF)
    item = decode(bytes(data), NTFS)
    assert item.decoded == {}
    assert item.summary == "not decoded: the NTFS blackbox's header does not fit its data"


@pytest.mark.corpus
def test_winlogon_waits_in_the_9f_dump(corpus: Path) -> None:
    # hex dump of the stream: 01, 50, 01 and the UTF-16 text; the other nine dumps have pending 0
    item = named(real(corpus, "r-Techsupport__training_bsods__9f.dmp"), "blackbox winlogon")
    assert item.decoded == {"operation": "WluiDisplayLocked_WaitForDismiss", "pending": True}


def test_pci_decodes_the_configuration_header() -> None:
    # the second record of ntoseye blackbox.rs, `pci_records_follow_their_sizes`; status bit: PCI 3.0 section 6.2.3
    record = bytearray(0x80)
    struct.pack_into("<4s3I", record, 0, b"PCfg", 0x80, 7, 8)
    struct.pack_into("<6H", record, 0x3C, 0x1B36, 0x0100, 0x0406, 0x4010, 0x0005, 0x0604)
    item = decode(bytes(record), PCI)
    assert item.decoded["functions"] == [
        {
            "location": "00:01.0",
            "vendor_id": "1b36",
            "device_id": "0100",
            "class": "060400",
            "revision": 5,
            "command": 0x0406,
            "status": 0x4010,
            "errors": ["signaled system error"],
        }
    ]
    assert item.summary == "1 PCI function, error bits set at 00:01.0 (1b36:0100)"


@pytest.mark.parametrize(("architecture", "pointer", "pad"), [(Architecture.X64, 8, 4), (Architecture.X86, 4, 0)])
def test_kmdf_drivers_of_either_width(architecture: Architecture, pointer: int, pad: int) -> None:
    # FX_DUMP_DRIVER_INFO_ENTRY, fxbugcheck.h: pointer, three numbers, 32 characters
    entry = bytes(pointer) + struct.pack("<3I32s", 1, 31, 0, b"Wdf01000") + bytes(pad)
    item = decode(entry + entry, KMDF_DRIVERS, architecture)
    assert item.decoded["drivers"] == [{"name": "Wdf01000", "kmdf_version": "1.31", "build": 0}] * 2


@pytest.mark.corpus
def test_kmdf_kept_the_log_of_a_loaded_driver(corpus: Path) -> None:
    # the log's driver must be in the list KMDF wrote beside it
    checked = 0
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        found = {item.name: item.decoded for item in decode_secondary_data(real(corpus, path.name))}
        if "kmdf log" not in found:
            continue
        assert f'"name": "{found["kmdf log"]["driver"]}"' in json.dumps(found["kmdf drivers"])
        checked += 1
    assert checked == 25


def test_storage_counts_unfinished_and_failed_requests() -> None:
    # DEVICEDUMP_STORAGESTACK_PUBLIC_DUMP, ntddstor.h; 0x84 is SRB_STATUS_ERROR with SRB_STATUS_AUTOSENSE_VALID, srb.h
    good = struct.pack("<B31xQQIII", 0x28, TICKS, TICKS + 15_000_000, 1, 0, 0)
    failed = struct.pack("<B31xQQIII", 0x2A, TICKS, TICKS + 10_000, 0x84, 0, 0)
    open_one = struct.pack("<B31xQQIII", 0x35, TICKS, 0, 0x20, 0xE0, 0)
    data = struct.pack("<4sIII16sI", b"DSTP", 0x60, 0xFDC, 0, b"storport.sys", 5000) + good + failed + open_one
    item = decode(data, STORAGE)
    assert item.summary == "3 requests of storport.sys, 1 unfinished, 1 failed, slowest 1.5 s"
    requests = item.decoded["requests"]
    assert isinstance(requests, list)
    assert requests[2]["operation"] == "SYNCHRONIZE CACHE"
    assert requests[2]["srb_status"] is None


def test_smbios_leaves_out_what_identifies_a_person() -> None:
    # DSP0134 type 1: manufacturer 4, product 5, version 6, serial number 7, UUID 8..0x17, SKU 0x19, family 0x1a
    body = struct.pack("<BBH4B16sBBB", 1, 0x1B, 1, 1, 2, 0, 3, b"\xaa" * 16, 6, 0, 0)
    table_data = body + b"ASUS\0PRIME\0SERIAL123\0\0" + b"\x7f\x04\0\0\0\0"
    item = decode(struct.pack("<4BI", 0, 3, 2, 0, len(table_data)) + table_data, SMBIOS)
    assert item.summary == "system ASUS PRIME"
    assert item.decoded["smbios_version"] == "3.2"
    assert "SERIAL123" not in json.dumps(item.decoded)
    assert "aa" not in json.dumps(item.decoded)


@pytest.mark.corpus
def test_processor_name_agrees_with_smbios(corpus: Path) -> None:
    # two independent tables of the same machine: the registry's and the firmware's
    dump = real(corpus, "r-Techsupport__training_bsods__9f.dmp")
    processors = named(dump, "smbios").decoded["processors"]
    assert isinstance(processors, list)
    processor = named(dump, "processor").decoded
    assert processor["name"] == processors[0]["version"] == "Intel(R) Core(TM) i9-10900F CPU @ 2.80GHz"
    assert processor["megahertz"] == 0x0AF8


@pytest.mark.corpus
def test_every_stream_of_the_corpus_is_json_and_every_known_layout_fits(corpus: Path) -> None:
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        for item in decode_secondary_data(real(corpus, path.name)):
            json.dumps(item.decoded)
            assert "\0" not in item.summary
            assert not item.summary.startswith("not decoded"), (path.name, item)


def test_names_cost_no_reading() -> None:
    dump = dump_of(b"", BSD)
    dump.streams = [Stream(BSD, "", 0x7FFF_0000, 200), Stream("{11111111-2222-3333-4444-555555555555}", "", 0, 9)]
    assert [item.name for item in list_secondary_data(dump)] == ["blackbox bsd", ""]
    assert decode_secondary_data(dump)[0].summary.startswith("not decoded: ")


def test_a_user_dump_has_none() -> None:
    dump = dump_of(b"", BSD)
    dump.kernel = None
    assert list_secondary_data(dump) == []


GUIDS = [row.split(b"\t")[0].decode() for row in table("secondary_data.tsv").splitlines() if row.startswith(b"{")]


def test_the_table_is_well_formed() -> None:
    assert len(GUIDS) == len(set(GUIDS)) >= 50
    for guid in GUIDS:
        kind = find_secondary_data(guid)
        assert kind is not UNKNOWN
        assert kind.source
        assert bool(kind.name) == bool(kind.certainty)
        assert kind.certainty in ("documented", "published", "content", "inferred", "")
    assert find_secondary_data(BSD.lower()).name == "blackbox bsd"
    assert find_secondary_data("{no\tguid}") is UNKNOWN


@settings(max_examples=200, deadline=None)
@given(guid=st.sampled_from(GUIDS), data=st.binary(max_size=400), wide=st.booleans())
def test_any_bytes_are_decoded_or_explained(guid: str, data: bytes, wide: bool) -> None:
    item = decode(data, guid, Architecture.X64 if wide else Architecture.X86)
    json.dumps(item.decoded)
    assert item.size == len(data)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 0x40), value=st.integers(0, 255), cut=st.integers(0, 136))
def test_a_damaged_boot_status_is_decoded_or_explained(place: int, value: int, cut: int) -> None:
    data = bytearray(boot_status_of_the_page())
    data[place] = value
    item = decode(bytes(data[:cut]), BSD)
    assert item.decoded or item.summary


@pytest.mark.corpus
def test_memory_manager_totals_are_plausible(corpus: Path) -> None:
    # what is committed is at most its peak, the peak at most the limit, and pool is part of what is committed
    recorded = 0
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        facts = read_memory_manager(real(corpus, path.name))
        assert facts is not None
        assert facts.driver_verifier_level is None
        if facts.committed_pages is None:
            continue
        assert facts.committed_pages_peak is not None
        assert facts.commit_limit is not None
        assert facts.nonpaged_pool_allocated is not None
        assert facts.nonpaged_pool_allocated < facts.committed_pages <= facts.committed_pages_peak < facts.commit_limit
        recorded += 1
    assert recorded == 21


def test_memory_manager_reads_both_widths_and_refuses_another_size() -> None:
    # DUMP_MM_STORAGE32/64: six 32-bit numbers, then seven of pointer width
    head = struct.pack("<6I", 1, 0x34, 0x656E6F4E, 0, 0x209BB, 1)
    dump = dump_of(b"\0" * 16 + head + struct.pack("<7I", *range(10, 17)), BSD, Architecture.X86)
    dump.triage = TriageFacts(0, 0, True, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, "", 0)
    facts = read_memory_manager(dump)
    assert facts is not None
    assert (facts.driver_verifier_level, facts.kernel_verifier, facts.special_pool_tag) == (0x209BB, True, 0x656E6F4E)
    assert (facts.nonpaged_pool_maximum, facts.commit_limit) == (10, 16)
    dump.architecture = Architecture.X64
    assert read_memory_manager(dump) is None
