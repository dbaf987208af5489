"""The x86 unwinder beside executed code: at every instruction the return addresses equal those of the active calls.

Truth: calls and returns seen by the emulator (unicorn) while it runs the fixtures in data_x86, built by build.py there.
"""

from __future__ import annotations

import pytest

from bugcheck.stack.frame import Trust
from bugcheck.stack.walk import walk
from bugcheck.stack.x86 import X86Unwinder
from bugcheck.symbols.symbols import FpoRecord, Symbol, Symbols
from tests.stack.x86_support import Executed, Execution, TableSymbols, frame_table, source_of, x86_context

pytest.importorskip("unicorn")
LIMIT = 5000


def returns_at_each(name: str, symbols: Symbols | None) -> list[tuple[Executed, list[int], list[Trust]]]:
    """Every stop with the return addresses we find and how."""
    execution = Execution(name)
    source = source_of(execution, name, symbols)
    found: list[tuple[Executed, list[int], list[Trust]]] = []
    for stop in execution.run(LIMIT):
        frames = walk(x86_context(stop.registers), X86Unwinder(), source).frames
        found.append((stop, [frame.return_address for frame in frames], [frame.trust for frame in frames]))
    return found


def names_only(name: str) -> TableSymbols:
    """Function starts without records."""
    rules = frame_table(name).rules
    starts = [rule.rva for rule in rules if isinstance(rule, FpoRecord) or rule.is_function_start]
    return TableSymbols([], [Symbol(start, f"function_{start:x}") for start in starts])


@pytest.mark.parametrize(
    ("name", "instructions"), [("omit_os", 668), ("omit_o1", 718), ("ebp_o1", 842), ("ebp_o0", 1034), ("fpo", 78)]
)
def test_with_records_every_instruction_of_every_function_is_right(name: str, instructions: int) -> None:
    stops = returns_at_each(name, frame_table(name))
    assert len(stops) == instructions
    wrong = [hex(stop.registers["eip"]) for stop, returns, _ in stops if returns[: len(stop.returns)] != stop.returns]
    assert wrong == []


@pytest.mark.parametrize("name", ["ebp_o1", "ebp_o0"])
def test_with_names_alone_functions_with_frame_pointers_are_right(name: str) -> None:
    stops = returns_at_each(name, names_only(name))
    assert [stop for stop, returns, _ in stops if returns[: len(stop.returns)] != stop.returns] == []


@pytest.mark.parametrize(("name", "missed"), [("ebp_o1", 165), ("ebp_o0", 165)])
def test_without_symbols_one_level_is_missed_outside_a_function_s_body(name: str, missed: int) -> None:
    """Before `mov ebp,esp`, after `pop ebp` and in frameless leaves ebp is the caller's: nothing tells, so its frame is
    taken and one level is missing. Nothing else goes wrong."""
    stops = returns_at_each(name, None)
    short = 0
    for stop, returns, _ in stops:
        if returns[: len(stop.returns)] != stop.returns:
            short += 1
            assert returns[: len(stop.returns) - 1] == stop.returns[1:]
    assert short == missed


@pytest.mark.parametrize(("name", "right"), [("omit_os", 544), ("omit_o1", 564)])
def test_without_records_and_frame_pointers_most_frames_come_from_call_sites(name: str, right: int) -> None:
    """What scanning cannot know: leftovers of earlier calls in locals look like return addresses."""
    stops = returns_at_each(name, None)
    assert sum(returns[: len(stop.returns)] == stop.returns for stop, returns, _ in stops) == right
    assert all(Trust.UNWIND_INFO not in trusts and Trust.FPO not in trusts for _, _, trusts in stops)


def test_frames_of_records_are_trusted_as_such() -> None:
    stops = returns_at_each("fpo", frame_table("fpo"))
    trusts = {trust for stop, _, found in stops for trust in found[: len(stop.returns) + 1]}
    assert trusts == {Trust.CONTEXT, Trust.FPO, Trust.FRAME_POINTER}  # none by scanning
    stops = returns_at_each("omit_os", frame_table("omit_os"))
    trusts = {trust for stop, _, found in stops for trust in found[: len(stop.returns) + 1]}
    assert trusts == {Trust.CONTEXT, Trust.UNWIND_INFO}


def test_programs_restore_the_registers_their_functions_saved() -> None:
    """At a call of `saved` (fixture omit_os) the caller's ebx, esi and edi as unwound are those it goes on with."""
    execution = Execution("omit_os")
    source = source_of(execution, "omit_os", frame_table("omit_os"))
    waiting: dict[int, list[dict[str, int]]] = {}
    compared = 0
    for stop in execution.run(LIMIT):
        for known in waiting.pop(stop.registers["esp"] << 32 | stop.registers["eip"], []):
            for name, value in known.items():
                assert stop.registers[name] == value
                compared += 1
        step = X86Unwinder().step(x86_context(stop.registers), Trust.CONTEXT, source)
        assert step is not None
        caller = step.caller.registers
        known = {name: caller[name] for name in ("ebx", "esi", "edi", "ebp") if name in caller}
        waiting.setdefault(caller["esp"] << 32 | caller["eip"], []).append(known)
    assert compared > 300
