"""A Case → every name in it that an export must not tell, and the words that only look like names.

Source: `knowledge/redaction.tsv` says which fields of events and facts hold whose names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from bugcheck.cases.investigate import Case
from bugcheck.cases.pseudonyms import Pseudonyms
from bugcheck.cases.redaction import Redactor
from bugcheck.cases.redaction_words import redaction_words, words_in
from bugcheck.cases.store import CaseStore
from bugcheck.knowledge.tables import table

_PRODUCTS = ("software", "security_product")
_FOUR_NUMBERS = re.compile(r"\d+(\.\d+){3}")
_ALL_WORDS = re.compile(r"[a-z][a-z0-9]{2,}")


def redactor_for(
    case: Case, store: CaseStore, pseudonyms: Pseudonyms, hidden: Iterable[str], wording: Iterable[str]
) -> Redactor:
    """Make a redactor that knows the names of a case's hosts, people and machines.

    Args:
        case: the investigation. store: what is kept of it. pseudonyms: those given in earlier exports.
        hidden: further texts not to be told. wording: our own fixed words, which are no names.
    """
    wording = tuple(wording)
    products = _products(case)
    redactor = Redactor(pseudonyms, common=_common(case, [*products, *wording]), products=products)
    redactor.fixed = frozenset(wording)
    for each in hidden:
        redactor.hide(each)
    for host in case.timeline.hosts:
        for name in (host.name, *sorted(host.names)):
            redactor.names.add_host(name, like=host.name)
    _learn_facts(case, redactor)
    _learn_events(case, redactor)
    for decision in store.decisions():
        redactor.names.add_user(decision.by)
    return redactor


def _products(case: Case) -> list[str]:
    found = dict.fromkeys(each.fact.name.lower() for each in case.timeline.facts(*_PRODUCTS))
    return [name for name in found if len(name) < 120]


def _common(case: Case, texts: Iterable[str]) -> set[str]:
    """Words of products, vendors, drivers, our own wording and the sentences events are told in."""
    sentences = table("events.tsv").decode()
    words = {word for text in (*texts, sentences) for word in _ALL_WORDS.findall(text.lower())}
    for crash in case.timeline.crashes:
        for module in crash.seen.modules if crash.seen else ():
            words.update((module.name.lower(), module.image.lower().partition(".")[0]))
            words.update(_ALL_WORDS.findall(f"{module.vendor} {module.product}".lower()))
    for placed in case.timeline.facts("driver", *_PRODUCTS):
        words.update(_ALL_WORDS.findall(placed.fact.fields.get("vendor", "").lower()))
        if placed.fact.kind == "driver":
            words.add(placed.fact.name.lower().partition(".")[0])
    return words


def _learn_facts(case: Case, redactor: Redactor) -> None:
    kinds = {key.split(".")[1] for key in redaction_words() if key.startswith("fact.")}
    for placed in case.timeline.facts(*sorted(kinds)):
        fact, where = placed.fact, f"fact.{placed.fact.kind}"
        if fact.kind == "setting":
            redactor.learn(f"{where}.{fact.name}", fact.value)
            continue
        for name, value in (("name", fact.name), ("value", fact.value), *fact.fields.items()):
            redactor.learn(f"{where}.{name}", value)
    for placed in case.timeline.facts("driver", "loaded_module", *_PRODUCTS):
        redactor.versions.add(placed.fact.value)
    for crash in case.timeline.crashes:
        redactor.versions.update(module.version for module in (crash.seen.modules if crash.seen else ()))


def _learn_events(case: Case, redactor: Redactor) -> None:
    """Every value of a field that holds a name, once."""
    fields = {key.removeprefix("event."): key for key in redaction_words() if key.startswith("event.")}
    seen: set[tuple[str, str]] = set()
    rows = case.timeline.store.database.execute("SELECT DISTINCT kind,fields FROM events WHERE fields IS NOT NULL")
    for kind, text in rows:
        for name, value in json.loads(text).items():
            field, value = fields.get(f"{kind}.{name}") or fields.get(name, ""), str(value)
            if name in ("version", "definitions") or (kind in words_in("versions") and _FOUR_NUMBERS.fullmatch(value)):
                redactor.versions.add(value)
            elif field and (field, value) not in seen and _is_new(name, value, redactor):
                seen.add((field, value))
                redactor.learn(field, value)


def _is_new(name: str, value: str, redactor: Redactor) -> bool:
    """An address is told by its form, wherever it stands; only one that is a version, too, must be remembered."""
    return name not in ("source", "target", "address") or not value[:1].isdigit() or value in redactor.versions
