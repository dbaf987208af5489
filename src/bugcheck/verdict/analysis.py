"""Everything said of one file → an Analysis, which reports render and programs read."""

from __future__ import annotations

from bugcheck.dump.dump import Dump
from bugcheck.findings.findings import Crash, Finding
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import ModuleList
from bugcheck.machine.system import SystemFacts
from bugcheck.records import dataclass
from bugcheck.verdict.blame import Blame
from bugcheck.verdict.gaps import symbol_gaps
from bugcheck.verdict.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysed dump.

    Attributes:
        path: as the caller named the file (a member of an archive as `archive.zip!member`).
        sha256: of the dump's bytes, or None when it was not asked for.
        crash: the dump's machine and its reading.
        verdict: what is concluded.
        seconds: time the analysis took.
    """

    path: str
    sha256: str | None
    crash: Crash
    verdict: Verdict
    seconds: float

    @property
    def dump(self) -> Dump:
        """The open dump."""
        return self.crash.dump

    @property
    def machine(self) -> Machine:
        """The stopped machine."""
        return self.crash.machine

    @property
    def bugcheck(self) -> BugCheck | None:
        """The bug check; None for user dumps."""
        return self.crash.bugcheck

    @property
    def modules(self) -> ModuleList:
        """Loaded modules."""
        return self.crash.modules

    @property
    def context(self) -> Context | None:
        """Registers at the fault."""
        return self.crash.context

    @property
    def system(self) -> SystemFacts | None:
        """Which Windows, on what, when."""
        return self.machine.system

    @property
    def blame(self) -> Blame:
        """Who or what is blamed."""
        return self.verdict.blame

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every statement, strongest first."""
        return self.verdict.findings

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is not known, the symbols that the stacks lack included."""
        return (*self.verdict.gaps, *symbol_gaps(self.crash, self.path))

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        return self.verdict.headline
