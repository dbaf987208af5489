"""An instruction and a processor's identity → the extension it belongs to, and whether that processor has it.

Source: knowledge/cpu_extensions.tsv: Intel SDM volume 2 (CPUID feature of each instruction) and the processor
generations that brought them.  Unlisted processors are unknown, not lacking: models are numbered without order.
"""

from __future__ import annotations

from functools import cache

from bugcheck.knowledge.tables import table
from bugcheck.machine.processors import Processor

_FILE = "cpu_extensions.tsv"


@cache
def _rows() -> tuple[tuple[str, ...], ...]:
    lines = table(_FILE).decode().splitlines()
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("#"))


def extension_of(text: str) -> str | None:
    """Name the extension an instruction (in WinDbg's writing) needs beyond the base set; None for none known."""
    mnemonic = text.removeprefix("lock ").partition(" ")[0]
    for kind, name, words, *_ in _rows():
        if kind == "instructions" and mnemonic in words.split(" "):
            return name
    return "AVX" if mnemonic.startswith("v") else None


def implements(processor: Processor, extension: str) -> bool | None:
    """Tell whether a processor has an extension; None when the table does not say."""
    if processor.family is None or processor.model is None:
        return None
    for kind, name, words, *_ in _rows():
        if kind == "lacking" and name == extension:
            vendor, family, models = words.split(" ")
            if processor.vendor == vendor and f"{processor.family:x}" == family:
                return False if models == "all" or f"{processor.model:x}" in models.split(",") else None
    return None
