"""Two million events as files on disk → one investigation, from reading to the page: processor time and peak memory.

benchmarks/incident_files.py [EVENTS]

The story of the demo with a season of servers' logs around it: event logs as EvtxECmd exports them and firewall logs of
fifty lines a second.  Answers in JSON; the files are written by a process of its own, so that the peak is the
investigation's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from bugcheck.api.incident import investigate, render_case

EVENTS = 2_000_000
A_FILE = 100_000
START = datetime(2006, 2, 1)
LENGTH = timedelta(days=80)
HEADINGS = (
    "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,ChunkNumber,UserId,"
    "MapDescription,UserName,RemoteHost,PayloadData1,PayloadData2,PayloadData3,PayloadData4,PayloadData5,PayloadData6,"
    "ExecutableInfo,HiddenRecord,SourceFile,Keywords,ExtraDataOffset,Payload\r\n"
)
FIREWALL = (
    "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"
    "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype "
    "icmpcode info path\r\n\r\n"
)
KINDS = (
    (4624, "Microsoft-Windows-Security-Auditing", "Security", "TargetUserName", 40),
    (4634, "Microsoft-Windows-Security-Auditing", "Security", "TargetUserName", 40),
    (7036, "Service Control Manager", "System", "param1", 15),
    (19, "Microsoft-Windows-WindowsUpdateClient", "System", "updateTitle", 4),
    (7, "disk", "System", "DeviceName", 1),
)


def write(folder: Path, events: int) -> None:
    """Write the story and, for each of its servers, logs with a quarter of the events each, firewall flows the rest."""
    from bugcheck.synth.story import write_story

    write_story(folder)
    servers = sorted(path for path in folder.iterdir() if path.is_dir())
    for server in servers:
        share = events // (2 * len(servers))
        for number in range(share // A_FILE):
            _event_log(server / f"System-{number:02}.csv", server.name, number, share // A_FILE)
        _firewall_log(server / "pfirewall-long.log", server.name, share)


def _event_log(path: Path, host: str, part: int, parts: int) -> None:
    dice, step = Random(f"{host} {part}"), LENGTH / (parts * A_FILE)
    weights = [weight for *_, weight in KINDS]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADINGS)
        for number in range(part * A_FILE, (part + 1) * A_FILE):
            code, provider, log, name, _ = dice.choices(KINDS, weights)[0]
            value = f"name{dice.randrange(300)}"
            payload = f'"{{""EventData"":{{""Data"":[{{""@Name"":""{name}"",""#text"":""{value}""}},'
            payload += '{""@Name"":""param2"",""#text"":""running""}]}}"'
            file.write(
                f"{number},{number},{START + step * number}.0000000,{code},Info,{provider},{log},4,8,{host},0,"
                f",,,,,,,,,,,False,x,0x0,0,{payload}\r\n"
            )


def _firewall_log(path: Path, host: str, flows: int) -> None:
    """Write lines of which nearly each is a flow of its own."""
    dice, step = Random(host), LENGTH / flows
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(FIREWALL)
        for number in range(flows):
            moment = (START + step * number).replace(microsecond=0)
            source = f"10.{dice.randrange(4)}.{dice.randrange(250)}.{dice.randrange(250)}"
            action = dice.choice(("DROP UDP", "DROP TCP", "ALLOW TCP"))
            port = dice.choice((137, 445, 53, 80))
            file.write(
                f"{moment} {action} {source} 10.0.0.1 {1024 + number % 60000} {port} 78 - - - - - - - RECEIVE\r\n"
            )


def measure(folder: Path) -> dict[str, float]:
    """Investigate and render; seconds of processor of reading, of all behind it, of each report; the peak of memory."""
    figures: dict[str, float] = {}
    started = time.process_time()
    read = started

    def progress(_: str, done: int, every: int) -> None:
        nonlocal read
        if done == every:
            read = time.process_time()

    found = investigate(folder, progress=progress)
    figures["read"] = round(read - started, 1)
    figures["conclude"] = round(time.process_time() - read, 1)
    for form in ("text", "markdown", "json", "html"):
        before = time.process_time()
        figures[f"{form}_bytes"] = len(render_case(found, form))
        figures[form] = round(time.process_time() - before, 1)
    figures["events"] = sum(each.events for each in found.case.evidence)
    figures["files"] = len(found.case.evidence)
    figures["file_megabytes"] = round(sum(each.size for each in found.case.evidence) / 1e6)
    figures["megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    before = time.process_time()
    investigate(folder)
    figures["again"] = round(time.process_time() - before, 1)
    return figures


def main() -> int:
    """Write in a process of its own, then measure."""
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    events = sys.argv[1] if len(sys.argv) > 1 else str(EVENTS)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, __file__, "--write", scratch, events], check=True)
        print(json.dumps(measure(Path(scratch))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
