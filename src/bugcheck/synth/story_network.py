"""The story's network → A's firewall log and BlackICE's list of attacks.

Source: Windows Firewall's own header (W3C extended log, local times); the heading of BlackICE's attack-list.csv, whose
times are GMT.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bugcheck.synth.story_facts import (
    CLIENTS,
    FIRST_DAY,
    LAST,
    STOPS,
    STRANGER,
    TREATED,
    UPDATE_SERVER,
    A,
    B,
    Turns,
    days,
    updates,
    utc,
)

_HEADER = (
    "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol "
    "src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n"
)
_Line = tuple[datetime, str]
_STEP = timedelta(seconds=97)
_BUSY = timedelta(seconds=17)
"""Between packets in the quarter of an hour before a crash, so that there is something to look at."""


def firewall_log(turns: Turns) -> str:
    """A's pfirewall.log: everything from hosts it has known for years, unless an attack is asked for."""
    lines = [
        *_office(turns.sparse),
        *_server_b(turns.sparse),
        *_updates(),
        *_noise(turns.sparse),
        *(_attack() if turns.attack else ()),
    ]
    start = turns.firewall_from or FIRST_DAY
    kept = sorted(line for line in lines if start <= line[0] <= LAST and not _down(line[0]))
    return _HEADER + "".join(text for _, text in kept)


def _down(time: datetime) -> bool:
    """Tell whether A was down: nobody writes a log then."""
    return any(stop.time <= time <= stop.time + timedelta(minutes=3) for stop in STOPS)


def _line(time: datetime, action: str, protocol: str, way: str, ports: tuple[int, int]) -> _Line:
    """`way` is "source target"; `ports` theirs."""
    return time, f"{time:%Y-%m-%d %H:%M:%S} {action} {protocol} {way} {ports[0]} {ports[1]} - - - - - - - - -\n"


def _office(sparse: int) -> Iterator[_Line]:
    """Clients use A's shares, all day and a little at night."""
    time, number = FIRST_DAY, 0
    while time < LAST:
        client = CLIENTS[number * 11 % len(CLIENTS)]
        port = 1030 + number * 37 % 2900
        way, ports = f"{client} {A.address}", (port, (445, 139, 445, 80)[number % 4])
        yield _line(time, "OPEN-INBOUND" if number % 2 else "CLOSE", "TCP", way, ports)
        number += 1
        crowded = any(stop.time - timedelta(minutes=24) <= time <= stop.time for stop in STOPS)
        night = not 7 <= time.hour < 20
        time += _BUSY if crowded else _STEP * (8 if night else 3) * sparse


def _server_b(sparse: int) -> Iterator[_Line]:
    """A asks B for names, until DNS moves elsewhere; both antivirus servers greet each other every half hour."""
    time, number = FIRST_DAY + timedelta(seconds=13), 0
    while time < LAST:
        way = f"{A.address} {B.address}"
        if time < TREATED:
            yield _line(time, "OPEN", "UDP", way, (1025 + number % 3000, 53))
        if number % 3 == 0:
            yield _line(time + timedelta(seconds=2), "OPEN-INBOUND", "UDP", f"{B.address} {A.address}", (1110, 38293))
        number += 1
        time += timedelta(minutes=10) * sparse


def _updates() -> Iterator[_Line]:
    for sent, _ in updates():
        way = f"{B.address} {A.address}"
        yield _line(sent - timedelta(seconds=3), "OPEN-INBOUND", "TCP", way, (1188, 2967))
    for day in days()[5::7]:
        at = day + timedelta(hours=2, minutes=30)
        yield _line(at, "OPEN", "TCP", f"{A.address} {UPDATE_SERVER}", (1201, 80))


def _noise(sparse: int) -> Iterator[_Line]:
    """Broadcasts that the firewall drops, as in every office."""
    time, number = FIRST_DAY + timedelta(seconds=31), 0
    while time < LAST:
        client = CLIENTS[number * 5 % len(CLIENTS)]
        port = 137 + number % 2
        way = f"{client} 192.168.20.255"
        yield time, f"{time:%Y-%m-%d %H:%M:%S} DROP UDP {way} {port} {port} 229 - - - - - - - RECEIVE\n"
        number += 1
        time += timedelta(minutes=11, seconds=7) * sparse


def _attack() -> Iterator[_Line]:
    """Somebody tries A's file service over and over in the minute before the last crash."""
    start = STOPS[-1].time - timedelta(seconds=80)
    for number in range(60):
        way = f"{STRANGER} {A.address}"
        yield _line(start + timedelta(seconds=number), "OPEN-INBOUND", "TCP", way, (3000 + number, 445))


def attack_list(turns: Turns) -> str:
    """BlackICE's list: notices of its own and harmless probes of clients."""
    rows = [(stop.time + timedelta(minutes=3), "##,{},26,BlackICE started,,,,,,1,") for stop in STOPS]
    for number, day in enumerate(days()[1::3]):
        at = day + timedelta(hours=10, minutes=7 * number % 50)
        client = CLIENTS[number * 3 % len(CLIENTS)]
        rows.append(
            (at, f"19,{{}},2003102,TCP port probe,{client},PC-{client[-2:]},{A.address},{A.computer},port=8080,2,")
        )
    if turns.attack:
        at = STOPS[-1].time - timedelta(seconds=21)
        name = "MSRPC_LSASS_Bo"
        rows.append((at, f"87,{{}},2118019,{name},{STRANGER},,{A.address},{A.computer},port=445,60,"))
    rows.append((LAST, f"19,{{}},2003102,TCP port probe,{CLIENTS[4]},PC-35,{A.address},{A.computer},port=8080,1,"))
    heading = (
        "#severity,timestamp (GMT),issueId,issueName,intruderIp,intruderName,victimIp,victimName,parameters,count,"
        "responseLevel\n"
    )
    return heading + "".join(f"{row.format(f'{utc(time):%Y-%m-%d %H:%M:%S}')}\n" for time, row in sorted(rows))
