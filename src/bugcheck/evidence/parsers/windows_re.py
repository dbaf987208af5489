"""ReAgent.xml → whether Windows' recovery environment is set up.

Source: Microsoft, "REAgentC command-line options" and the file itself: `<WindowsRE>` with InstallState and
OsBuildVersion.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.xml_text import parse_xml
from bugcheck.gaps import Gap

_LIMIT = 1 << 20


def probe(source: Source) -> int:
    """Tell by the root element."""
    return SURE if "<WindowsRE " in source.head_text[:0x400] else NO


@evidence_parser("windows_re", probe=probe, names=("reagent.xml",))
def windows_re(source: Source) -> Iterator[Record]:
    """The recovery environment's configuration (ReAgent.xml)."""
    root = parse_xml(source.text(limit=_LIMIT))
    if isinstance(root, str):
        yield Gap(f"what {source.path} holds", root, damage=True)
        return
    for name, attribute in (("InstallState", "state"), ("OsBuildVersion", "path"), ("IsServer", "state")):
        element = root.find(name)
        if element is not None and element.get(attribute):
            yield Fact("setting", f"recovery environment {name}", element.get(attribute, ""), name)
