"""`stack`, `disasm` and `symbols` as a person uses them, on the story's dumps and a loopback symbol server.

Sources: story/original.txt's listing and story/expected.json (a debugger engine's `kb`, `.trap` and `u`).
"""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bugcheck.cli.main import main
from bugcheck.cli.terminal import transfer_progress


@pytest.fixture
def story(shared: Path) -> Path:
    return shared / "story"


@pytest.fixture
def expected(story: Path) -> dict[str, Any]:
    return json.loads((story / "expected.json").read_text("utf-8"))["dumps"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(list(arguments))
    return status, capsys.readouterr().out


@pytest.mark.parametrize("name", ["story.dmp", "story_kernel.dmp", "story_triage.dmp"])
def test_kb_equals_the_listing_line_by_line(
    name: str, story: Path, expected: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--symbols", str(story), "--symbol-cache", str(tmp_path))
    status, text = run(capsys, "stack", "--kb", str(story / name), *options)
    assert status == 0
    fault, stopped = (block.splitlines() for block in text.strip().split("\n\n"))
    assert stopped[2:] == expected[name]["kb"]
    assert fault[2:] == expected[name]["kb_after_trap"]
    status, text = run(capsys, "stack", "--kb", "--trap", "f4c0bb54", str(story / name), *options)
    assert text.strip().splitlines()[2:] == expected[name]["kb_after_trap"]


def test_disasm_shows_the_fault_as_the_debugger_does(
    story: Path, expected: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = run(capsys, "disasm", str(story / "story.dmp"), "--count", "1", "--symbol-cache", str(tmp_path))
    assert status == 0
    heading, line = text.splitlines()
    assert heading.startswith("RapDrv+0x9785:")
    # expected.json: "f535e785 894104          mov     dword ptr [ecx+4],eax ds:0023:00000004=????????"
    assert line == expected["story.dmp"]["u_faulting"] + " ds:0023:00000004=????????"


def test_disasm_names_where_a_branch_goes(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # transcript.txt, `r` of processor 1; an address may stand behind the options
    options = ("--symbols", str(story), "--symbol-cache", str(tmp_path), "--count", "1", "8084c1a5")
    status, text = run(capsys, "disasm", str(story / "story.dmp"), *options)
    assert status == 0
    assert text.splitlines()[1] == "8084c1a5 e9f6ffffff      jmp     nt!KiIdleLoop (8084c1a0)"


def test_disasm_says_when_there_is_no_code(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = run(capsys, "disasm", str(story / "story_triage.dmp"), "hal+1000", "--symbol-cache", str(tmp_path))
    heading, line = text.splitlines()
    assert heading == "hal+0x1000:   (bytes from neither memory nor an image file)"
    assert line.endswith(" ??              ???")


def test_stack_of_a_thread(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--symbols", str(story), "--symbol-cache", str(tmp_path))
    status, text = run(capsys, "stack", str(story / "story.dmp"), "--thread", "2208", *options)
    assert status == 0
    assert "thread 2208" in text
    assert "nt!KeBugCheckEx+0x1b" in text
    assert main(["stack", str(story / "story.dmp"), "--thread", "4711", *options]) == 2


def test_the_command_that_gets_names_stands_below_a_stack(
    story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(story / "story.dmp")
    _, text = run(capsys, "stack", path, "--symbols", str(story), "--symbol-cache", str(tmp_path))
    assert "RapDrv.sys TimeDateStamp 3F99BC4F, SizeOfImage e000" in text
    assert f"→ bugcheck symbols fetch {path} --symbols ms" in text


def test_disasm_takes_symbols_and_offsets(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--symbols", str(story), "--symbol-cache", str(tmp_path), "--count", "1")
    _, by_name = run(capsys, "disasm", str(story / "story.dmp"), "nt!KeBugCheckEx+0x1b", *options)
    _, by_address = run(capsys, "disasm", str(story / "story.dmp"), "8087b6be", *options)
    assert by_name == by_address
    assert main(["disasm", str(story / "story.dmp"), "nt!NoSuchThing", *options]) == 2


def test_analyze_names_the_stack(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--symbols", str(story), "--symbol-cache", str(tmp_path))
    _, text = run(capsys, "analyze", "--json", str(story / "story.dmp"), *options)
    value = json.loads(text)
    assert [frame["name"] for frame in value["fault_stack"][:5]] == [
        "RapDrv+0x9785",
        "RapDrv+0x5a20",
        "RapDrv+0x6282",
        "RapDrv+0x62f3",
        "nt!IopSynchronousServiceTail+0x10b",
    ]
    assert value["stack"][0]["arguments"] == ["0x8e", "0xc0000005", "0xf535e785"]
    assert value["faulting_instruction"]["text"] == "mov dword ptr [ecx+4],eax"
    assert value["faulting_instruction"]["memory_access"] == {"kind": "write", "address": "0x4", "value": None}
    [kernel] = [module for module in value["modules"] if module["name"] == "nt"]
    assert kernel["symbols"] == "pdb"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(story: Path, tmp_path: Path) -> Iterator[str]:
    """A symbol server on the loopback interface that holds the story's kernel symbols."""
    place = tmp_path / "tree" / "ntkrnlmp.pdb" / "866A76F48D85D6C34C4C44205044422E1"
    place.mkdir(parents=True)
    (place / "ntkrnlmp.pdb").write_bytes((story / "ntkrnlmp.pdb").read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "tree"))) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_fetch_check_and_manifest(story: Path, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump, cache = str(story / "story.dmp"), tmp_path / "cache"
    cache.mkdir()
    status, text = run(capsys, "symbols", "manifest", dump)
    assert status == 0
    assert "ntkrnlmp.pdb,866A76F48D85D6C34C4C44205044422E1,1" in text.splitlines()
    status, text = run(capsys, "symbols", "fetch", dump, "--symbols", f"srv*{server}", "--symbol-cache", str(cache))
    assert status == 1  # RapDrv.sys is nowhere to be had
    assert [line[:3] for line in text.splitlines() if "ntkrnlmp.pdb" in line] == ["got"]
    # what was fetched is used from now on, without a network
    status, text = run(capsys, "symbols", "check", "--stack", dump, "--symbol-cache", str(cache))
    assert status == 1
    assert any(line.split()[:2] == ["nt", "pdb"] for line in text.splitlines())
    _, text = run(capsys, "stack", "--kb", dump, "--symbol-cache", str(cache))
    assert "nt!KeBugCheckEx+0x1b" in text


def test_fetch_by_manifest_to_a_folder(
    story: Path, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing, target = tmp_path / "list.txt", tmp_path / "store"
    listing.write_text("ntkrnlmp.pdb,866A76F48D85D6C34C4C44205044422E1,1\nthis line names nothing\n")
    arguments = ["symbols", "fetch", "--manifest", str(listing), "--to", str(target), "--symbols", f"srv*{server}"]
    assert main(arguments) == 0
    assert "names no file" in capsys.readouterr().err
    _, text = run(
        capsys,
        "stack",
        "--kb",
        str(story / "story.dmp"),
        "--symbols",
        str(target),
        "--symbol-cache",
        str(tmp_path / "c"),
    )
    assert "nt!KiFastCallEntry+0xfc" in text


def test_what_to_do_where_no_server_answers(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken and not listened to: connections are refused
        server = f"srv*{tmp_path}*http://127.0.0.1:{closed.getsockname()[1]}"
        assert main(["symbols", "fetch", str(story / "story.dmp"), "--symbols", server]) == 1
    told = capsys.readouterr()
    assert "Connection refused" in told.out
    assert "[Errno" not in told.out
    assert f"bugcheck symbols manifest {story / 'story.dmp'} > list.txt" in told.err


def test_check_sums_up_and_names_folders_that_are_not_there(
    story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump, gone = str(story / "story.dmp"), str(tmp_path / "gone")
    path = f"{gone};{story}"
    assert main(["symbols", "check", "--stack", dump, "--symbols", path, "--symbol-cache", str(tmp_path)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"bugcheck: {gone}: no such folder to look for symbols in",
        f"bugcheck: {dump}: 1 of 2 modules have matching symbols",
        f"bugcheck: what its stacks need: bugcheck symbols fetch {dump} --symbols ms",
    ]


def test_wrong_usage_of_symbols(story: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symbols", "fetch"]) == 2
    assert main(["symbols", "check", str(story / "story.dmp"), "--symbol-cache", str(tmp_path / "none")]) == 2
    assert main(["stack", str(story / "story.dmp"), "--symbols", "srv*ftp://example.org"]) == 2
    capsys.readouterr()


def test_a_kernel_table_is_proved_by_the_dumps_own_debugger_data(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # corpus/symbols/isf/PICKED.tsv: one of eleven tables matches this dump, whose PDB identity is not in it
    dump = corpus / "kernel" / "rizinorg__rizin-testbins__triage_x64.dmp"
    _, text = run(
        capsys,
        "stack",
        "--json",
        str(dump),
        "--symbols",
        str(corpus / "symbols" / "isf"),
        "--symbol-cache",
        str(tmp_path),
    )
    names = [frame["name"] for stack in json.loads(text)["stacks"] for frame in stack["frames"]]
    assert "nt!KeBugCheckEx" in names
    assert "nt!KiDispatchException+0x186" in names
    assert "nt!KiSegmentNotPresentFault+0x335" in names


def test_bars_are_drawn_only_when_something_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with transfer_progress() as progress:
        assert progress is not None
        assert screen.getvalue() == ""
        progress("nt.pdb", 512, 1024)
        progress("nt.pdb", 1024, 1024)
    assert "nt.pdb" in screen.getvalue()
    with transfer_progress(wanted=False) as progress:
        assert progress is None
