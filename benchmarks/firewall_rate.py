"""A Windows firewall log of a gigabyte → lines per second and peak memory.

Run by run.py as `firewall_rate.py BYTES`, answers in JSON.  The log is written to a temporary file: a busy host's
traffic, fifty lines a second from a few hosts to a few ports, so that a minute has some hundred flows.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from bugcheck.archives.files import map_file
from bugcheck.evidence.evidence import Event, Span, parser_of
from bugcheck.evidence.source import Source

HEAD = (
    "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n#Fields: date time action "
    "protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\r\n\r\n"
)
A_SECOND = 50
TAIL = "- - - - - - - RECEIVE\r\n"


def write_log(path: str, size: int) -> int:
    """Write at least `size` bytes; returns the number of lines that are packets."""
    chance = random.Random(1)
    packets = [
        (f"{chance.choice(('DROP UDP', 'DROP TCP', 'ALLOW TCP'))} 10.0.0.{int(chance.expovariate(0.3)) % 250}"
         f" 10.0.0.1 {chance.randrange(1024, 65536)} {chance.choice((137, 138, 445, 53, 80))} 78 {TAIL}")
        for _ in range(4096)
    ]  # fmt: skip
    now, lines = datetime(2008, 3, 1), 0
    with open(path, "w", encoding="ascii", newline="") as file:  # noqa: PTH123
        file.write(HEAD)
        while file.tell() < size:
            for _ in range(600):
                stamp = f"{now} "
                now += timedelta(seconds=1)
                file.write("".join([stamp + chance.choice(packets) for _ in range(A_SECOND)]))
                lines += A_SECOND
    return lines


def measure(size: int) -> dict[str, float]:
    """Write, read, compare the count, throw away."""
    handle, path = tempfile.mkstemp(suffix=".log")
    os.close(handle)
    try:
        lines = write_log(path, size)
        source = Source("pfirewall.log", map_file(path))
        parser = parser_of(source)
        assert parser is not None
        events = counted = spans = 0
        started, cpu = time.perf_counter(), time.process_time()
        for record in parser.read(source):
            if isinstance(record, Event):
                events += 1
                counted += record.count
            spans += isinstance(record, Span)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        assert (counted, spans) == (lines, 1)
    finally:
        os.unlink(path)  # noqa: PTH108
    # of a mapped file the pages read last count as resident, so the peak is an upper bound
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"lines": lines, "events": events, "seconds": seconds, "cpu": cpu, "megabytes": peak}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
