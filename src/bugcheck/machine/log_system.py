"""What a debugger's log tells of its machine → SystemFacts, Process and Context.

Source: LogFacts (dump/log/).

Folklore: a build that was only guessed from the kind of report chooses the names of its time, but is no fact: the
system is then called by that time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.dump.dump import Dump
from bugcheck.machine.context import Context
from bugcheck.machine.objects import Process
from bugcheck.machine.shared_user_data import SharedUserData
from bugcheck.machine.system import SystemFacts, kernel_system, user_system
from bugcheck.records import replace

if TYPE_CHECKING:
    from bugcheck.dump.log.facts import LogFacts

TIMES = {3790: "2000, XP or Server 2003", 6002: "Vista or 7", 7601: "7 or earlier", 9600: "8 or later"}


def log_system(dump: Dump, log: LogFacts, shared: SharedUserData) -> SystemFacts | None:
    """Put together the facts a log tells of the system."""
    told = log.system
    if dump.kernel is not None:
        system = kernel_system(dump, told.build_lab or None, told.service_pack, None, (), shared)
    else:
        system = user_system(dump)
    system = replace(system, processors=told.processors)
    if told.is_build_guess:
        time = TIMES.get(told.build)
        return replace(system, os=f"Windows, probably {time}" if time else "Windows", edition="")
    return system


def log_context(dump: Dump, log: LogFacts) -> Context | None:
    """The registers the log shows; the source is written as that of a context read from a dump."""
    if log.context is None:
        return None
    source = log.context.source
    if source.startswith("context record") and dump.kernel is not None:
        parameters = dump.kernel.bugcheck_parameters
        place = parameters.index(log.context.address) + 1 if log.context.address in parameters else 0
        source = f"context record parameter {place}" if place else source
    return Context(dump.architecture, source, log.context.registers)


def log_process(log: LogFacts) -> Process | None:
    """The process the log names; its address and number are not known."""
    return Process(0, log.process_name, None) if log.process_name else None
