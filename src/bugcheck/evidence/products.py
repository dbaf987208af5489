"""What an antivirus log says of its product along the way → one fact at the end: product, version, definitions.

Folklore: the last line counts: a log of months names many versions, and the question is which was there at the crash.
So each change of the definitions is an Event too, with its time; the fact is only where the log ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bugcheck.evidence.evidence import Fact


@dataclass(slots=True)
class Product:
    """A security product as a log shows it.

    Attributes:
        name, vendor: who it is. version: of the program. definitions: version of what it knows.
        where: place of the last of these. more: further fields of the fact. host: when the log names it.
    """

    name: str
    vendor: str
    version: str = ""
    definitions: str = ""
    where: str = "the file's layout"
    host: str = ""
    more: dict[str, str] = field(default_factory=dict[str, str])

    def learn(self, where: str, *, version: str = "", definitions: str = "") -> bool:
        """Take over what a record says; True when the definitions changed."""
        changed = bool(definitions) and definitions != self.definitions
        if version or definitions:
            self.version, self.definitions = version or self.version, definitions or self.definitions
            self.where = where
        return changed

    def fact(self) -> Iterator[Fact]:
        """Yield what is known at the end."""
        fields = {"vendor": self.vendor, "definitions": self.definitions, **self.more}
        known = {name: value for name, value in fields.items() if value}
        yield Fact("security_product", self.name, self.version, self.where, known, self.host)
