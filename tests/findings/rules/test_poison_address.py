"""poison_address and the idioms of faulting instructions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.findings.idioms import idiom_of
from tests.crashes import empty_crash
from tests.findings.rules.speaking import ACCESS_VIOLATION, IN_DRIVER, corpus_statements, crash_at, opened, said

RULE = "poison_address"


def test_the_story_is_a_list_unlinked_through_null(shared: Path) -> None:
    # story/README.md: mov [ecx+4],eax with ecx = 0; mov [eax],ecx stands behind it
    [finding] = said(opened(shared / "story" / "story_triage.dmp"), RULE)
    assert finding.module == "RapDrv"
    assert finding.statement == (
        "a store to [null+0x4] by `mov dword ptr [ecx+4],eax`; that is how a list entry is unlinked (Flink->Blink): "
        "the link was already gone, or two callers raced"
    )
    assert finding.weight <= 0.1


@pytest.mark.parametrize(
    ("text", "size", "following", "name"),
    [
        ("mov dword ptr [ecx+4],eax", 4, ["mov dword ptr [eax],ecx"], "list_unlink"),
        ("mov qword ptr [rcx+8],rax", 8, ["mov qword ptr [rax],rcx"], "list_unlink"),
        ("mov qword ptr [rcx+8],rax", 8, ["ret"], "list_member"),
        ("cmp qword ptr [rdx+8],rcx", 8, [], "list_check"),
        ("lock xadd dword ptr [rcx+30h],eax", 8, [], "reference_count"),
        ("lock dec dword ptr [rcx]", 8, [], "reference_count"),
        ("lock bts qword ptr [rcx],0", 8, [], "lock"),
        ("lock cmpxchg qword ptr [rdi],rcx", 8, [], "lock"),
        ("rep movsb byte ptr [rdi],byte ptr [rsi]", 8, [], "memory_copy"),
        ("cmp byte ptr [rcx+rax],0", 8, [], "string"),
        ("call qword ptr [rax+18h]", 8, [], "virtual_call"),
        ("mov rax,qword ptr [rcx]", 8, ["call qword ptr [rax+8]"], "virtual_call"),
        ("mov rax,qword ptr [rcx]", 8, ["ret"], None),
        ("mov byte ptr [rcx+8],al", 8, [], None),
        ("mov dword ptr [rcx+8],eax", 8, [], None),
        ("mov qword ptr [rcx+8],0", 8, [], None),
        ("call qword ptr [rip+20h]", 8, [], None),
    ],
)
def test_idioms(text: str, size: int, following: list[str], name: str | None) -> None:
    idiom = idiom_of(text, size, following)
    assert (idiom.name if idiom else None) == name


def test_freed_memory_speaks_against_the_driver() -> None:
    freed = 0xDDDD_DDDD_DDDD_DDDD
    crash = crash_at(bytes.fromhex("488b03"), exception=(ACCESS_VIOLATION, (0, freed)), rbx=freed)
    [finding] = said(crash, RULE)
    assert finding.module == "flaky"
    assert 0.1 <= finding.weight <= 0.2
    assert "freed" in finding.statement


def test_quiet_for_a_null_pointer_without_an_idiom() -> None:
    assert said(crash_at(bytes.fromhex("8b4310"), check=(0xD1, 0x10, 2, 0, IN_DRIVER), rbx=0), RULE) == []


def test_quiet_for_an_ordinary_address() -> None:
    assert said(crash_at(bytes.fromhex("488b03"), check=(0xD1, 0xFFFF_9B00_0200_0000, 2, 0, IN_DRIVER)), RULE) == []


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_quiet_for_all_real_dumps(corpus: Path) -> None:
    # none of them failed on a null pointer, a pattern, or an address whose bits are recorded and impossible
    assert corpus_statements(corpus, RULE) == {}
