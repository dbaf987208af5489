"""Our hash functions against values published by debuggers of 2013 to 2026 (published_hashes.py)."""

from __future__ import annotations

import pytest

from bugcheck.machine.modules import Module
from bugcheck.stack.frame import Frame, Trust
from bugcheck.verdict.signature import failure_id_hash, failure_id_hash_string
from bugcheck.verdict.thread_hashes import thread_hashes
from tests.verdict.published_hashes import FAILURE_ID_HASHES, THREAD_HASHES


@pytest.mark.parametrize(("mode", "bucket", "published"), FAILURE_ID_HASHES)
def test_failure_id_hash(mode: str, bucket: str, published: str) -> None:
    assert failure_id_hash(bucket, kernel=mode == "km") == f"{{{published}}}"


def test_all_published_pairs_are_here() -> None:
    # facts/windbg.md 3.3: "23 of 23 published pairs", "9 of 9 values over 3 stacks"
    assert len({bucket for _, bucket, _ in FAILURE_ID_HASHES}) == 23
    assert len({value for _, values in THREAD_HASHES for value in values}) == 9


def test_failure_id_hash_string_is_small_letters() -> None:
    # facts/windbg.md 3.3: `km:` or `um:` + FAILURE_BUCKET_ID, lower case
    assert failure_id_hash_string("AV_OVSExt!OvsWaitEventIoctl", kernel=True) == "km:av_ovsext!ovswaiteventioctl"


def frame(text: str) -> Frame:
    """A level as its printed name tells it."""
    if text.startswith("0x"):
        return Frame(0, int(text, 16), 0, 0, (), None, None, 0, Trust.UNWIND_INFO)
    base, _, digits = text.partition("+")
    name, _, symbol = base.partition("!")
    module = Module(name, f"{name}.sys", name, 0x10000, 0x1000, 0, 0)
    return Frame(0, 0x10000, 0, 0, (), module, symbol or None, int(digits or "0", 16), Trust.UNWIND_INFO)


@pytest.mark.parametrize(("stack", "published"), THREAD_HASHES)
def test_thread_hashes(stack: tuple[str, ...], published: tuple[str, str, str]) -> None:
    found = thread_hashes(frame(text) for text in stack)
    assert found is not None
    assert (found.module, found.function, found.offset) == published


def test_no_hash_where_no_level_is_in_a_module() -> None:
    assert thread_hashes([frame("0x7c95ed54")]) is None
    assert thread_hashes([]) is None
