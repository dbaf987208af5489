"""`bugcheck case export`: whole, the same every time, and, redacted, without one name of whoever's case it is."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from hashlib import sha256
from html import unescape
from pathlib import Path
from zipfile import ZipFile

import pytest

from bugcheck import synth
from bugcheck.api.case import decide, export_case, open_case, translate
from bugcheck.api.incident import investigate
from bugcheck.cases import bundle
from bugcheck.cli.main import main
from bugcheck.errors import UsageError
from bugcheck.reports import case_bundle
from bugcheck.reports.case_bundle import NameLeft
from bugcheck.synth import DumpKind
from bugcheck.synth.story import write_story
from bugcheck.synth.story_facts import Turns
from tests.reports.html_reader import faults

REPORTS = ["README.txt", "report.html", "report.md", "report.json", "timeline.jsonl", "custody.json"]


def members(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def readable(path: Path) -> str:
    """Everything that stands in a bundle: members' names, bytes, with the escapes of HTML, JSON and Markdown undone."""
    out = [path.read_bytes().decode("latin-1")]
    for name, content in members(path).items():
        text = content.decode("utf-8")
        plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), unescape(text))
        out += [name, text, plain, plain.replace("\\", "").replace("\u2060", "")]
    return "\n".join(out)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("story") / "incident"
    write_story(folder, Turns(sparse=40))
    investigate(folder)
    return folder


@pytest.fixture(scope="module")
def shared_story(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shared") / "x.zip"
    assert main(["case", "export", str(story), "--output", str(path), "--redact"]) == 0
    return path


def secrets_of_the_story(folder: Path) -> set[str]:
    """Read from the evidence itself, by other means than the export's."""
    found = {"SRV-A", "SRV-B", "copyjob", "OFFICE\\", '"OFFICE"', "02:00:5E:10:00:00"}
    for path in folder.rglob("*"):
        if not path.is_file() or ".bugcheck" in path.parts:
            continue
        raw = path.read_bytes()
        for text in (raw.decode("latin-1"), raw.decode("utf-16-le", "ignore"), raw[1:].decode("utf-16-le", "ignore")):
            if path.suffix in (".log", ".csv", ".Evt", ".toml", ".txt") or path.name.endswith(".Log"):
                found.update(re.findall(r"\b(?:192\.168|203\.0|198\.51)\.\d+\.\d+\b", text))
                found.update(re.findall(r"\bPC-\d+\b|\buser\d\d\b", text))
    return found


def test_the_story_redacted_tells_no_name(story: Path, shared_story: Path) -> None:
    secrets = secrets_of_the_story(story)
    assert len(secrets) > 60  # the reader above found them
    text = readable(shared_story).replace("User32", "")
    assert [secret for secret in sorted(secrets) if secret.lower() in text.lower()] == []
    drawn = b"\n".join(members(shared_story).values()).decode()
    assert not re.search(r"\bon [AB]\b|\b[AB]/|\bServer A\b", drawn)  # hosts are called A and B
    assert str(story) not in text
    assert story.parent.name not in text
    # what makes the report worth sharing is still there
    for kept in ("RapDrv.sys", "Symantec AntiVirus 9.0.0.338 on host-1", "3.6.cbd", "blackice.exe", "127.0.0.1"):
        assert kept in text, kept
    assert list(members(shared_story)) == [*REPORTS, "manifest.json", "SHA256SUMS"]
    assert faults(members(shared_story)["report.html"].decode()) == []


SECRETS = (
    "VEGA-DC07", "vega", "moserev", "Eva Moser", "Großmann", "张伟", "10.77.3.9", "198.51.100.77", "2001:db8:77::5",
    "00-00-5E-00-53-7A", "00:00:5e:00:53:7b", "S-1-5-21-1004336348-1177238915-682003330-1103", "5CD7320XYZ", "7GQ4XK2",
    "55274-640-1011873-23081", "4C530001230831", "LYRA", "lyra.example", "FILES07", "Bluebird", "K4ZQ",
)  # fmt: skip
NOTES = r"""
[case]
title = "VEGA-DC07 of Lyra stops; Project Bluebird waits"
[hosts.VEGA-DC07]
role = "failed"
names = ["vega-dc07.lyra.example", "10.77.3.9"]
[[observation]]
who = "Eva Moser"
when = 2024-05-01T10:00:00+00:00
what = 'LYRA\moserev copied C:\Users\moserev\x.sys from \\FILES07\data; moserev@lyra.example; 3.6.0.66 stays: acme.sys 3.6.0.66'
host = "VEGA-DC07"
[[observation]]
who = "Großmann"
when = 2024-05-01T10:01:00+00:00
what = "10.77.3.9, 198.51.100.77:445, [2001:db8:77::5]:80, 00-00-5E-00-53-7A, 00:00:5e:00:53:7b, 用户张伟登录 files07$"
[[observation]]
who = "张伟"
when = 2024-05-01T10:02:00+00:00
what = 'S-1-5-21-1004336348-1177238915-682003330-1103; Serial Number: 5CD7320XYZ; Service Tag: 7GQ4XK2; 55274-640-1011873-23081; USB\VID_0781&PID_5581\4C530001230831'
[[judgement]]
hypothesis = "bad_memory"
who = "moserev"
add = -0.5
reason = "GROSSMANN tested it: großmann, EVA MOSER and vega-dc07.zip agree; the 5cd7320xyz has new memory"
[[action]]
who = "K4ZQ"
when = 2024-05-01T10:03:00+00:00
what = "k4zq removed the driver of vega-dc07"
"""  # noqa: E501


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that says its names wherever names can stand: in folders, files, notes, logs, dumps."""
    folder = tmp_path_factory.mktemp("lyra-vega") / "Lyra Bluebird"
    home = folder / "VEGA-DC07" / "moserev's desktop"
    home.mkdir(parents=True)
    (folder / "notes.toml").write_text(NOTES, "utf-8")
    machine = synth.x64_machine()
    modules = [replace(each, path=r"\??\C:\Users\moserev\acme.sys") for each in machine.modules[2:]]
    comment = "dumped by LYRA\\moserev at VEGA-DC07 with a secret"
    machine = replace(machine, modules=(*machine.modules[:2], *modules), comment=comment)
    (home / "moserev 2001-db8.dmp").write_bytes(synth.build_kernel_dump(machine, DumpKind.FULL))
    head = "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n"  # noqa: E501
    rows = [
        f"2024-05-01 10:00:{n:02} DROP TCP 198.51.100.77 10.77.3.9 {n} 445 48 S 1 0 1 - - - RECEIVE" for n in range(60)
    ]
    (home.parent / "pfirewall.log").write_text(head + "\n".join(rows) + "\n", "utf-8")
    (home.parent / "empty of moserev.bin").write_bytes(b"")
    (home.parent / "unknown VEGA-DC07.bin").write_bytes(b"\0\1\2nothing known\xff" * 9)
    investigate(folder)
    decide(open_case(folder), "Eva Moser exchanged the 5CD7320XYZ", by="LYRA\\moserev")
    return folder


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_case_full_of_names_tells_none(hostile: Path, tmp_path: Path, language: str) -> None:
    before = readable(exported(hostile, tmp_path / "plain.zip"))
    assert [secret for secret in SECRETS if secret.lower() not in before.lower()] == []  # they are all there to be lost
    path = tmp_path / "x.zip"
    export_case(open_case(hostile), path, redact=True, hide=["Bluebird"], language=language)
    text = readable(path).lower()
    assert [secret for secret in (*SECRETS, "grossmann", str(hostile)) if secret.lower() in text] == []
    assert "acme.sys 3.6.0.66" in text
    assert "a secret" not in text
    names = [json.loads(line) for line in members(path)["timeline.jsonl"].decode().splitlines()]
    said = next(each["text"] for each in names if "acme.sys" in each["text"])
    user = re.search(r"\\Users\\(user-\d+)\\", said)
    assert user
    assert said.startswith(f"domain-1\\{user[1]} copied")
    assert f"{user[1]}@" in said


def exported(folder: Path, path: Path, *, evidence: bool = False, memory: bool = False) -> Path:
    export_case(open_case(folder), path, evidence=evidence, memory=memory)
    return path


def test_the_names_are_kept_beside_the_case_and_come_back(hostile: Path, tmp_path: Path) -> None:
    store = open_case(hostile)
    done = export_case(store, tmp_path / "x.zip", redact=True)
    kept = Path(done.pseudonyms)
    assert kept.parent == store.home
    assert "VEGA-DC07" in kept.read_text("utf-8")
    if os.name == "posix":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert b"pseudonyms.json" not in (tmp_path / "x.zip").read_bytes()
    page = members(tmp_path / "x.zip")["report.md"].decode()
    assert "VEGA-DC07" in translate(store, page)


def test_twice_the_same(story: Path, shared_story: Path, hostile: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        exported(hostile, tmp_path / name)
    export_case(open_case(story), tmp_path / "again.zip", redact=True)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert (tmp_path / "again.zip").read_bytes() == shared_story.read_bytes()


def test_the_manifest_and_sums_are_of_what_is_there(story: Path, tmp_path: Path) -> None:
    found = members(exported(story, tmp_path / "x.zip", evidence=True))
    manifest = json.loads(found["manifest.json"])
    assert manifest["schema"] == "bugcheck.bundle/1"
    assert manifest["redacted"] is None
    assert manifest["memory"] is False
    listed = {each["name"]: each["sha256"] for each in manifest["files"]}
    assert listed.keys() == found.keys() - {"manifest.json", "SHA256SUMS"}
    assert all(sha256(found[name]).hexdigest() == digest for name, digest in listed.items())
    sums = dict(line.split("  ", 1)[::-1] for line in found["SHA256SUMS"].decode().splitlines())
    assert sums == {name: sha256(content).hexdigest() for name, content in found.items() if name != "SHA256SUMS"}


def test_evidence_comes_as_it_was_taken_in_and_dumps_only_when_asked_for(story: Path, tmp_path: Path) -> None:
    found = members(exported(story, tmp_path / "x.zip", evidence=True))
    assert found["evidence/A/pfirewall.log"] == (story / "A" / "pfirewall.log").read_bytes()
    left = {each["what"] for each in json.loads(found["manifest.json"])["left_out"]}
    assert left == {"A/MEMORY.DMP", "A/Mini032006-01.dmp", "A/Mini033006-01.dmp"}
    assert not any(name.lower().endswith(".dmp") for name in found)
    full = members(exported(story, tmp_path / "y.zip", evidence=True, memory=True))
    assert full["evidence/A/MEMORY.DMP"] == (story / "A" / "MEMORY.DMP").read_bytes()
    assert all(each.get("as_taken_in", True) for each in json.loads(full["manifest.json"])["files"])


def registers(report: bytes) -> list[object]:
    found: list[object] = []
    for crash in json.loads(report)["crashes"]:
        analysis = crash["analysis"] or {}
        found += [context["registers"] for context in analysis.get("contexts", ()) if context["registers"]]
        found += [frame["arguments"] for frame in analysis.get("fault_stack", ()) if frame["arguments"]]
        found += [analysis[key] for key in ("faulting_instruction",) if analysis.get(key, {}).get("bytes")]
    return found


def test_memory_comes_only_when_asked_for(story: Path, hostile: Path, tmp_path: Path) -> None:
    assert registers(members(exported(story, tmp_path / "x.zip"))["report.json"]) == []
    assert len(registers(members(exported(story, tmp_path / "y.zip", memory=True))["report.json"])) > 3
    assert b"with a secret" not in members(exported(hostile, tmp_path / "z.zip"))["report.json"]
    assert b"with a secret" in members(exported(hostile, tmp_path / "m.zip", memory=True))["report.json"]


def test_changed_evidence_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "notes.toml").write_text('[case]\ntitle = "x"\n', "utf-8")
    investigate(folder)
    (folder / "notes.toml").write_text('[case]\ntitle = "y"\n', "utf-8")
    files = json.loads(members(exported(folder, tmp_path / "x.zip", evidence=True))["manifest.json"])["files"]
    assert [each["as_taken_in"] for each in files if each["name"] == "evidence/notes.toml"] == [False]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"redact": True, "evidence": True}, "contradict"),
        ({"redact": True, "memory": True}, "contradict"),
        ({"hide": ["x"]}, "--redact"),
    ],
)
def test_what_contradicts_itself_is_refused(story: Path, tmp_path: Path, options: dict[str, bool], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        export_case(open_case(story), tmp_path / "x.zip", **options)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_nothing_is_left_of_a_failure(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="--force"):
        export_case(open_case(story), path)
    assert path.read_bytes() == b"mine"
    monkeypatch.setattr(case_bundle, "redacted", lambda value, _: value)  # a redaction that does nothing
    with pytest.raises(NameLeft, match="nothing was written"):
        export_case(open_case(story), path, redact=True, force=True)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_is_no_evidence(story: Path) -> None:
    with pytest.raises(UsageError, match="read as evidence"):
        export_case(open_case(story), story / "x.zip")


def test_a_long_timeline_is_cut_and_says_so(story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_bundle, "MOST_EVENTS", 500)
    found = members(exported(story, tmp_path / "x.zip"))
    events = [json.loads(line) for line in found["timeline.jsonl"].splitlines()]
    assert len(events) == pytest.approx(500, abs=5)
    assert not {each["kind"] for each in events} & {"firewall_allow", "firewall_drop", None}
    left = [each["what"] for each in json.loads(found["manifest.json"])["left_out"]]
    assert any(re.fullmatch(r"[\d,]+ of [\d,]+ events", each) for each in left)


def test_a_case_whose_timeline_is_gone_is_not_exported_empty(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "notes.toml").write_text('[case]\ntitle = "x"\n', "utf-8")
    investigate(folder)
    (folder / ".bugcheck" / "timeline.sqlite").unlink()
    with pytest.raises(UsageError, match="investigate"):
        export_case(open_case(folder), tmp_path / "x.zip")


def test_names_of_members_lead_nowhere() -> None:
    names = set[str]()
    found = [bundle._member_name(path, names) for path in ("../../etc/passwd", "/etc/passwd", "C:\\x\\..\\y", "c_/x/y")]
    assert found == ["evidence/etc/passwd", "evidence/etc/passwd_", "evidence/C_/x/y", "evidence/c_/x/y_"]


def test_the_command(
    story: Path, shared_story: Path, hostile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.zip"
    assert main(["case", "export", str(hostile), "--output", str(path), "--redact"]) == 0
    out = capsys.readouterr().out
    assert "report.html" in out
    assert "pseudonyms.json" in out
    assert path.is_file()
    (tmp_path / "answer.txt").write_text("look at host-1 and host-2", "utf-8")
    assert shared_story.is_file()
    assert main(["case", "translate", str(story), str(tmp_path / "answer.txt")]) == 0
    assert capsys.readouterr().out == "look at A and B"
    assert main(["case", "export", str(story), "--output", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["case", "export", str(story), "--output", str(path), "--redact", "--with-evidence", "--force"]) == 2
