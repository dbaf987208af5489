"""The story's two servers → their event logs: System, Application and Security of each.

Source: event numbers and strings as Windows Server 2003 writes them (Microsoft's documentation of the events); binary
layout in `event_log.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from struct import pack

from bugcheck.synth.event_log import ERROR, SUCCESS, Entry, build_event_log
from bugcheck.synth.story_facts import (
    CHINA,
    LAST,
    MAINTENANCE,
    STOPS,
    SYSTEM_LOG_BEGINS,
    TREATED,
    A,
    B,
    Server,
    Stop,
    days,
    updates,
    utc,
)
from bugcheck.synth.story_machine import FAULT, RAPDRV, TRAP_FRAME

_MINUTE = timedelta(minutes=1)
_FIRST_RECORD = 8412
"""Number of the oldest entry of A's system log; those before it were overwritten."""


def event_logs(server: Server) -> dict[str, bytes]:
    """A server's three logs by file name."""
    system = sorted(_system(server), key=lambda entry: entry.time)
    if server is A:
        system = [entry for entry in system if entry.time >= SYSTEM_LOG_BEGINS]
    first = _FIRST_RECORD if server is A else 1
    return {
        "SysEvent.Evt": build_event_log(system, server.computer, first),
        "AppEvent.Evt": _built(_application(server), server),
        "SecEvent.Evt": _built(_security(server), server),
    }


def _built(entries: Iterator[Entry], server: Server) -> bytes:
    kept: Sequence[Entry] = sorted((each for each in entries if each.time <= LAST), key=lambda entry: entry.time)
    return build_event_log(kept, server.computer)


# --- System ---


def _system(server: Server) -> Iterator[Entry]:
    for day in days():
        noon = day + timedelta(hours=12)
        uptime = str(int((noon - day).total_seconds()))
        strings = ("", "", "", "", uptime, "60", "-480 China Standard Time")
        yield Entry(noon, "EventLog", 6013, strings)
        yield Entry(day + timedelta(hours=3), "W32Time", 35, ("time.example (ntp.m|0x1|192.168.20.11:123)",))
        for hour in (2, 14):
            for state in ("running", "stopped"):
                at = day + timedelta(hours=hour, minutes=4, seconds=20 if state == "running" else 55)
                yield Entry(at, "Service Control Manager", 7036, ("Windows Installer", state))
    if server is A:
        for stop in STOPS:
            yield from _restart(stop)
        yield Entry(MAINTENANCE - 2 * _MINUTE, "EventLog", 6006)
        yield from _boot(MAINTENANCE + timedelta(seconds=40))
    else:
        for service in ("DNS Server", "DHCP Server"):
            yield Entry(TREATED + _MINUTE, "Service Control Manager", 7036, (service, "stopped"))


def _boot(time: datetime) -> Iterator[Entry]:
    yield Entry(time, "EventLog", 6009, ("5.02.", "3790", "Service Pack 1", "Multiprocessor Free"))
    yield Entry(time, "EventLog", 6005)
    for service in ("BlackICE", "Symantec AntiVirus", "DNS Client"):
        yield Entry(time + timedelta(seconds=9), "Service Control Manager", 7036, (service, "running"))


def _restart(stop: Stop) -> Iterator[Entry]:
    """What Windows writes when it comes up after a bug check."""
    up = stop.time + timedelta(minutes=2, seconds=48)
    yield from _boot(up)
    alive = (stop.time - timedelta(seconds=20)).replace(microsecond=0)
    strings = (f"{alive:%H:%M:%S}", f"{alive:%Y-%m-%d}", "", "", "", "", "")
    data = _system_time(alive.astimezone(CHINA)) + _system_time(utc(alive))
    yield Entry(up, "EventLog", 6008, strings, ERROR, data=data)
    words = (0xC0000005, RAPDRV + FAULT, TRAP_FRAME, 0)
    told = (f"{0x1000008E:08x}", *(f"{word:08x}" for word in words))
    yield Entry(up + timedelta(seconds=50), "System Error", 1003, told, ERROR, 102)
    if stop.dump == "MEMORY.DMP":
        check = f"0x{0x8E:08x} ({', '.join(f'0x{word:08x}' for word in words)})"
        path = "C:\\WINDOWS\\MEMORY.DMP"
        yield Entry(up + timedelta(seconds=20), "Save Dump", 1001, (check, path))


def _system_time(time: datetime) -> bytes:
    day = (time.weekday() + 1) % 7
    return pack("<8H", time.year, time.month, day, time.day, time.hour, time.minute, time.second, 0)


# --- Application ---


def _application(server: Server) -> Iterator[Entry]:
    for day in days():
        policy = ("Security policy in the Group policy objects has been applied successfully.",)
        yield Entry(day + timedelta(hours=6, minutes=11), "SceCli", 1704, policy)
        yield Entry(day + timedelta(hours=23, minutes=30), "ESENT", 100, ("services", "1024", "5.02.3790.1830"))
    source = "Symantec AntiVirus"
    for sent, loaded in updates() if server is B else ():
        told = f"Virus definitions and program files were sent to {A.computer}."
        yield Entry(sent, source, 4, (told,))
        if not any(loaded < stop.time < loaded + 3 * _MINUTE for stop in STOPS):
            yield Entry(loaded + _MINUTE, source, 4, (f"{A.computer} is up to date.",))


# --- Security ---


def _security(server: Server) -> Iterator[Entry]:
    for number, day in enumerate(days()):
        administrator = day + timedelta(hours=8, minutes=21 + number % 17)
        yield _logon(administrator, "administrator", server.computer, "127.0.0.1", 528, "2")
        if day.weekday() < 5:
            yield from _people(day, number)
        if server is A and day < TREATED:
            yield _logon(day + timedelta(hours=1, seconds=2), "copyjob", B.computer, B.address)
    if server is A:
        for stop in STOPS:
            yield _logon(stop.time - stop.logon * _MINUTE, f"{B.computer}$", B.computer, B.address)
        yield _logon(updates()[2][0] - 4 * _MINUTE, f"{B.computer}$", B.computer, B.address)


def _people(day: datetime, number: int) -> Iterator[Entry]:
    """Logons of people at their own computers, none in the minutes before a crash."""
    for turn in range(14):
        at = day + timedelta(hours=8, minutes=33 + 41 * turn + (7 * number + 5 * turn) % 19)
        if any(stop.time - 25 * _MINUTE <= at <= stop.time + 5 * _MINUTE for stop in STOPS):
            continue
        person = (number + turn) % 20
        yield _logon(at, f"user{person + 1:02}", f"PC-{person + 31}", f"192.168.20.{person + 31}")


def _logon(time: datetime, user: str, computer: str, address: str, code: int = 540, how: str = "3") -> Entry:
    process, package = ("User32  ", "Negotiate") if how == "2" else ("NtLmSsp ", "NTLM")
    strings = (
        user, "OFFICE", f"(0x0,0x{int(time.timestamp()) & 0xFFFFF:X})", how, process, package, computer,
        "-", "-", "-", "-", "-", "-", address, "0",
    )  # fmt: skip
    return Entry(time, "Security", code, strings, SUCCESS, 2)
