"""A bug check code and its parameters alone → what the rules say of them: a crash whose dump holds nothing else.

What a blue screen, an event log or a forum tells is that much.  Rules leave gaps for what they lack, and a few of them
judge by the parameters: a page table entry with one bit set, the machine check's status, the status of a failed read.

Source: the rules themselves (findings/bugchecks, findings/rules); nothing is decided here.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, KernelHeader
from bugcheck.findings.access import failed_access
from bugcheck.findings.findings import Crash, run_rules
from bugcheck.machine.machine import Machine
from bugcheck.records import dataclass
from bugcheck.verdict.blame import Blame, weigh

FORMAT = "parameters"
TELLING = frozenset(["null", "fill_pattern", "non_canonical", "user", "unrecorded"])
"""Kinds of addresses that say something by themselves; a kernel address may be anything."""


_ABOUT_PLACES = frozenset(["fault_location", "instruction_pointer_astray"])
"""Rules that would say of an address that no module is there, where no module is known at all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the parameters alone say.

    Attributes:
        blame: of a kind of cause; no module, for none is known. facts: statements that accuse nobody.
        address: what kind of address was touched, in words, or "".
    """

    blame: Blame
    facts: tuple[str, ...]
    address: str


def judge_parameters(code: int, parameters: tuple[int, int, int, int], architecture: Architecture) -> Judged:
    """Ask the rules."""
    crash = Crash(Machine(_dump(code, parameters, architecture)))
    findings, _ = run_rules(crash)
    telling = [finding for finding in findings if finding.rule not in _ABOUT_PLACES]
    access = failed_access(crash)
    address = access.what.words if access is not None and access.what.name in TELLING else ""
    facts = tuple(finding.statement for finding in telling if not finding.weight)
    return Judged(weigh(crash, telling), facts, address)


def _dump(code: int, parameters: tuple[int, int, int, int], architecture: Architecture) -> Dump:
    header = KernelHeader(
        dump_type=0, major_version=15, build=0, directory_table_base=0, pfn_database=0, loaded_module_list=0,
        active_process_head=0, machine_type=0, processor_count=0, bugcheck_code=code, bugcheck_parameters=parameters,
        debugger_data_block=0, pae_enabled=None, comment="", system_time=None, system_up_time=None,
        required_dump_space=None, mini_dump_fields=None, secondary_data_state=None, product_type=None,
        suite_mask=None, writer_status=None, kd_secondary_version=None, attributes=None, boot_id=None,
    )  # fmt: skip
    return Dump(FORMAT, architecture, BinaryView(b"", FORMAT), kernel=header)
