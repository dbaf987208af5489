"""`bugcheck case`: list cases, show what one keeps, enter a decision, verify the evidence's hashes, export one."""

from __future__ import annotations

import sys
from argparse import Namespace
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from bugcheck.api.case import (
    decide,
    export_case,
    judge,
    list_cases,
    open_case,
    suspect,
    translate,
    verify_case,
)
from bugcheck.cli.arguments import password_of
from bugcheck.errors import UsageError
from bugcheck.reports.case_record_json import record_json

if TYPE_CHECKING:
    from bugcheck.api.case import CaseStore


def run(options: Namespace) -> int:
    """Do the action; `list` 1 when there is no case, `verify` 1 when evidence is changed or gone."""
    actions = {
        "list": _list, "show": _show, "decide": _decide, "verify": _verify, "export": _export, "translate": _translate,
        "suspect": _suspect, "judge": _judge,
    }  # fmt: skip
    return actions[options.action](options)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _list(options: Namespace) -> int:
    found = list_cases(options.root)
    for store in found:
        if options.json:
            _say(dumps({"id": store.id, "folder": store.folder, "created": f"{store.created:%Y-%m-%dT%H:%M:%SZ}"}))
        else:
            _say(f"{store.id}  {store.created:%Y-%m-%d %H:%M}  {_standing(store)}  {store.folder}")
    return 0 if found else 1


def _standing(store: CaseStore) -> str:
    runs = store.runs()
    best = runs[-1].standings[0] if runs and runs[-1].standings else None
    return f"{best.title}: {best.state.replace('_', ' ')} ({best.log_odds:+.1f})" if best else "no hypothesis"


def _show(options: Namespace) -> int:
    store = open_case(options.case)
    if options.json:
        _say(dumps(record_json(store)))
        return 0
    _say(f"case {store.id}, begun {store.created:%Y-%m-%d %H:%M} UTC, in {store.folder}", "", "Chain of custody")
    _say(
        *(
            f"  {line.time:%Y-%m-%d %H:%M}  {line.what:8} {line.sha256 or '':64}  {line.path}"
            for line in store.custody()
        )
    )
    _say("", "Verdicts")
    for run_ in store.runs():
        _say(f"  {run_.number}  {run_.time:%Y-%m-%d %H:%M}")
        _say(*(f"     {each.log_odds:+5.1f}  {each.state:14} {each.title}" for each in run_.standings))
    _say("", "Decisions")
    for each in store.decisions():
        step = f" (step {each.step})" if each.step is not None else ""
        _say(f"  {each.time:%Y-%m-%d %H:%M}  {each.by}: {each.text}{step}")
    _say("", "Watch")
    _say(*(f"  {each.verdict.replace('_', ' '):14} {each.path}" for each in store.watched()))
    return 0


def _decide(options: Namespace) -> int:
    entered = decide(open_case(options.case), options.text, by=options.by or "", step=options.step)
    _say(f"entered: {entered.text}" + (f"; step {entered.step}: {entered.treatment}" if entered.treatment else ""))
    return 0


def _suspect(options: Namespace) -> int:
    path = suspect(
        open_case(options.case),
        options.name,
        options.mechanism,
        by=options.by or "",
        subject=options.subject or "",
        prior=options.prior,
        expects=[_expected(each) for each in options.expects],
        treatments=options.treat,
    )
    _say(f"entered in {path}; `bugcheck investigate {options.case}` weighs it")
    return 0


def _expected(text: str) -> tuple[str, float, float]:
    """KIND[:MINUTES[:WEIGHT]]."""
    kind, _, rest = text.partition(":")
    minutes, _, weight = rest.partition(":")
    try:
        return kind, float(minutes or 60), float(weight or 1)
    except ValueError:
        raise UsageError(f"{text!r} is not KIND[:MINUTES[:WEIGHT]]") from None


def _judge(options: Namespace) -> int:
    path = judge(
        open_case(options.case),
        options.hypothesis,
        options.reason,
        by=options.by or "",
        state=options.state or "",
        add=options.add,
        withdraw=options.withdraw,
    )
    _say(f"entered in {path}; `bugcheck investigate {options.case}` takes it into account")
    return 0


def _verify(options: Namespace) -> int:
    found = verify_case(open_case(options.case), password=password_of(options))
    for what, paths in (("changed", found.changed), ("gone", found.gone), ("not in custody", found.new)):
        _say(*(f"{what}: {path}" for path in paths))
    _say(f"{len(found.same)} files as they were taken in, {len(found.changed)} changed, {len(found.gone)} gone")
    return 0 if found.is_whole else 1


def _export(options: Namespace) -> int:
    done = export_case(
        open_case(options.case),
        options.output,
        redact=options.redact,
        hide=options.hide,
        memory=options.with_memory,
        evidence=options.with_evidence,
        force=options.force,
        language=options.language,
    )
    for each in done.members:
        changed = "  not as it was taken in" if each.as_taken_in is False else ""
        _say(f"{each.size:>12,}  {each.name}{changed}")
    for gap in done.left_out:
        _say(f"left out: {gap.what}: {gap.missing}" + (f" ({gap.remedy})" if gap.remedy else ""))
    _say(f"written: {done.path}")
    if done.pseudonyms:
        _say(f"which name is which: {done.pseudonyms} (keep it to yourself; `bugcheck case translate` reads it)")
    return 0


def _translate(options: Namespace) -> int:
    store = open_case(options.case)
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{options.file}: {error}") from error
    sys.stdout.write(translate(store, text))
    return 0
