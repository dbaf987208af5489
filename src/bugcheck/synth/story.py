"""The story bugcheck was founded on → a folder of evidence of its two servers, to be investigated.

A is the server that restarts by itself (BlackICE, Symantec AntiVirus 9.0), B its neighbour (Symantec AntiVirus 10.0).

Source: the administrator's report; see `story_facts.py` for what is invented.  Equal arguments give equal bytes.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import DumpKind
from bugcheck.synth.images import ImageSpec, build_image, image_file
from bugcheck.synth.kernel_dumps import build_kernel_dump
from bugcheck.synth.story_events import event_logs
from bugcheck.synth.story_facts import STOPS, A, B, Turns
from bugcheck.synth.story_hosts import antivirus_log, drivers, services, software, tasks, time_zone
from bugcheck.synth.story_machine import (
    RAPDRV,
    RAPDRV_SIZE,
    RAPDRV_STAMP,
    RAPDRV_VERSION,
    rapdrv_code,
    story_machine,
)
from bugcheck.synth.story_network import attack_list, firewall_log

_NOTES = """\
# What the administrator knows, checked and did. Times are China Standard Time, as on both servers.
[case]
title = "Server A restarts by itself"

[hosts.A]
role = "failed"
names = ["SRV-A", "192.168.20.11"]
os = "Windows Server 2003"

[hosts.B]
role = "other"
names = ["SRV-B", "192.168.20.12"]
os = "Windows Server 2003"

[[action]]
who = "administrator"
when = 2006-04-12T10:15:00+08:00
what = "stopped the services of B that talk to A: DNS and DHCP"
host = "B"
treats = "other_host_interaction:services"

[[action]]
who = "administrator"
when = 2006-04-12T10:40:00+08:00
what = "removed the scheduled file copies and backups between A and B"
host = "B"
treats = "other_host_interaction:jobs"

[[check]]
who = "administrator"
when = 2006-04-12T15:30:00+08:00
what = "the vendor's article on a virus that brings this error about, followed step by step"
result = "negative: none of the files and keys it names"
host = "A"
about = "malware_or_tampering"

[[check]]
who = "administrator"
when = 2006-04-20T09:10:00+08:00
what = "the device drivers, one by one"
result = "nothing suspicious"
host = "A"
about = "third_party_driver"
"""


def write_story(folder: Path, turns: Turns | None = None) -> None:
    """Write the evidence below a folder, which is made; files of other names in it are left alone."""
    turns = turns or Turns()
    _write(folder / "notes.toml", _NOTES)
    for server in (A, B):
        home = folder / server.name
        for name, data in event_logs(server).items():
            _write(home / name, data)
        _write(home / "software.reg", software(server, turns))
        _write(home / "time-zone.reg", time_zone())
        _write(home / "services.txt", services(server))
        _write(home / "scheduled-tasks-2006-04-12.csv", tasks(server))
        _write(home / "Symantec AntiVirus.Log", antivirus_log(server, turns))
    _write(folder / "A" / "pfirewall.log", firewall_log(turns))
    _write(folder / "A" / "attack-list.csv", attack_list(turns))
    _write(folder / "A" / "driverquery.csv", drivers())
    _write(folder / "A" / "RapDrv.sys", driver_file(turns.driver_changed))
    digest, version = sha256(driver_file()).hexdigest(), ".".join(map(str, RAPDRV_VERSION))
    _write(folder / "BlackICE-3.6.cbd.csv", f"name,version,sha256\nRapDrv.sys,{version},{digest}\n")
    _write_dumps(folder / "A", turns)


def driver_file(changed: bool = False) -> bytes:
    """RapDrv.sys as a file: the build that the dumps have loaded; `changed` has a jump to other code in it."""
    code = rapdrv_code()
    if changed:
        code = code[:0x5A00] + bytes.fromhex("e9fb250000") + code[0x5A05:]
    image = build_image(
        ImageSpec(Architecture.X86, "RapDrv.sys", RAPDRV, RAPDRV_SIZE, RAPDRV_STAMP, 0, code, version=RAPDRV_VERSION)
    )
    return image_file(image)


def _write_dumps(home: Path, turns: Turns) -> None:
    for stop in STOPS:
        if not stop.dump:
            continue
        machine = story_machine(stop.time, stop.uptime, turns.culprit, patch=turns.patch)
        kind = DumpKind.FULL if stop.dump == "MEMORY.DMP" else DumpKind.TRIAGE_FULL_PATHS
        _write(home / stop.dump, build_kernel_dump(machine, kind))


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
