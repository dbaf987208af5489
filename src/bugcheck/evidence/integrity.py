"""Facts of files, baselines, catalogs and the dump's modules → is this file what it should be?

A pure function; it reads nothing.  For each program file among the evidence it says in words what the file was held
against and what came out, with the facts it rests on.

Folklore:
    "Unmodified" needs something outside the file: a baseline's hash, a signature that holds, a catalog.  Time stamp,
    size and checksum are in the file itself and only say which *build* it is.
    A baseline of another version says nothing of tampering; only the same version with another hash does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from bugcheck.evidence.evidence import Fact, ModuleSeen


class FileState(Enum):
    """What is known of a file's bytes."""

    UNMODIFIED = "unmodified"
    DIFFERS = "differs from the baseline"
    BROKEN = "changed after it was signed"
    UNKNOWN = "nothing to hold it against"


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What became of one file.

    Attributes:
        name: base name, as the evidence spells it. path: in the case. state: of its bytes.
        is_loaded_build: it is the build the crashed machine had loaded; None when no dump shows that module.
        text: one sentence for people. citations: the facts it rests on, the file's own first.
        modules: the dump's entries it was compared with.
    """

    name: str
    path: str
    state: FileState
    is_loaded_build: bool | None
    text: str
    citations: tuple[Fact, ...]
    modules: tuple[ModuleSeen, ...] = ()


@dataclass(slots=True)
class _Grounds:
    """What speaks for and against, while one file is judged."""

    good: list[str]
    bad: list[str]
    notes: list[str]
    citations: list[Fact]
    changed: bool = False


def file_verdicts(facts: Iterable[Fact], modules: Iterable[ModuleSeen] = ()) -> list[FileVerdict]:
    """Judge every file among the facts, in their order.

    Args:
        facts: of all evidence: `file`, `file_signature`, `baseline_file` and `catalog_entry` are looked at. A signature
            belongs to the last file of its name before it.
        modules: of the crashes whose machine the files are of.
    """
    by_kind: defaultdict[str, defaultdict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    signatures: dict[int, Fact] = {}
    last: dict[str, Fact] = {}
    files: list[Fact] = []
    for fact in facts:
        name = fact.name.lower()
        if fact.kind == "file":
            files.append(fact)
            last[name] = fact
        elif fact.kind == "file_signature" and name in last:
            signatures.setdefault(id(last[name]), fact)
        elif fact.kind == "baseline_file":
            by_kind["baseline"][name].append(fact)
        elif fact.kind == "catalog_entry":
            by_kind["catalog"][fact.value.lower()].append(fact)
    loaded: defaultdict[str, list[ModuleSeen]] = defaultdict(list)
    for module in modules:
        loaded[_base(module.image or module.name)].append(module)
    return [
        _judge(file, signatures.get(id(file)), by_kind["baseline"], by_kind["catalog"], loaded[file.name.lower()])
        for file in files
    ]


def _base(name: str) -> str:
    return name.replace("/", "\\").rpartition("\\")[2].lower()


def _judge(
    file: Fact,
    signature: Fact | None,
    baselines: dict[str, list[Fact]],
    catalogs: dict[str, list[Fact]],
    modules: Sequence[ModuleSeen],
) -> FileVerdict:
    grounds = _Grounds([], [], [], [file])
    _against_baseline(file, baselines.get(file.name.lower(), []), grounds)
    _by_signature(signature, grounds)
    _by_catalog(file, catalogs, grounds)
    if file.fields.get("checksum_ok") == "no":
        grounds.notes.append("its PE checksum is wrong")
    same_build = _against_modules(file, modules, grounds)
    if grounds.bad:
        state = FileState.BROKEN if grounds.changed else FileState.DIFFERS
        words = f"{file.name} " + " and ".join(grounds.bad)
        if grounds.good:
            words += ", although it is " + " and ".join(grounds.good)
    elif grounds.good:
        state, words = FileState.UNMODIFIED, f"{file.name} is unmodified: " + " and ".join(grounds.good)
    else:
        state, words = FileState.UNKNOWN, f"{file.name}: no baseline, signature or catalog to hold it against"
    text = "; ".join([words, *grounds.notes])
    return FileVerdict(
        file.name, file.fields.get("path", ""), state, same_build, text, tuple(grounds.citations), tuple(modules)
    )


def _against_baseline(file: Fact, entries: Sequence[Fact], grounds: _Grounds) -> None:
    version = file.fields.get("version", "")
    equal = [entry for entry in entries if _same_hash(file, entry)]
    if equal:
        listed = equal[0].fields.get("version", "")
        grounds.good.append(f"same as baseline {equal[0].fields.get('source', '')}" + (f" {listed}" if listed else ""))
        grounds.citations.append(equal[0])
        return
    comparable = [entry for entry in entries if _has_common_hash(file, entry)]
    same_version = [entry for entry in comparable if entry.fields.get("version", version) == version]
    if same_version:
        grounds.bad.append(f"differs from baseline {same_version[0].fields.get('source', '')}: another hash")
        grounds.citations.append(same_version[0])
    elif comparable:
        others = ", ".join(sorted({entry.fields["version"] for entry in comparable})[:3])
        grounds.notes.append(f"the baseline knows only other versions ({others})")
        grounds.citations.append(comparable[0])


def _same_hash(file: Fact, entry: Fact) -> bool:
    """Compare by the strongest hash both have."""
    for mine, theirs in _hashes(file, entry):
        if mine and theirs:
            return mine.lower() == theirs.lower()
    return False


def _has_common_hash(file: Fact, entry: Fact) -> bool:
    return any(mine and theirs for mine, theirs in _hashes(file, entry))


def _hashes(file: Fact, entry: Fact) -> list[tuple[str, str]]:
    others = [(file.fields.get(name, ""), entry.fields.get(name, "")) for name in ("sha1", "md5")]
    return [(file.value, entry.value), *others]


def _by_signature(signature: Fact | None, grounds: _Grounds) -> None:
    if signature is None or signature.value == "unsigned":
        return
    signer = signature.fields.get("signer", "") or "an unknown signer"
    grounds.citations.append(signature)
    if signature.value == "valid":
        grounds.good.append(f"signed by {signer}")
    elif signature.value == "broken":
        grounds.changed = True
        grounds.bad.append(f"has a broken signature of {signer} ({signature.fields.get('reason', 'no reason given')})")
    else:
        grounds.notes.append(f"its signature of {signer} is {signature.value}: {signature.fields.get('reason', '')}")


def _by_catalog(file: Fact, catalogs: dict[str, list[Fact]], grounds: _Grounds) -> None:
    digests = [file.fields.get("authentihash_sha256", ""), file.fields.get("authentihash_sha1", ""), file.value]
    entries = [entry for digest in digests if digest for entry in catalogs.get(digest.lower(), [])]
    for entry in entries[:1]:
        signer, catalog = entry.fields.get("signer", ""), entry.fields.get("catalog", "a catalog")
        grounds.citations.append(entry)
        if entry.fields.get("verdict") == "valid":
            grounds.good.append(f"signed by {signer} in catalog {catalog}")
        else:
            verdict = entry.fields.get("verdict", "not judged")
            grounds.notes.append(f"catalog {catalog} lists it, but the catalog's own signature is {verdict}")


def _against_modules(file: Fact, modules: Sequence[ModuleSeen], grounds: _Grounds) -> bool | None:
    """Compare with the dump's entries; several crashes may show several builds."""
    differing: list[str] = []
    same = False
    for module in modules:
        reasons = _differences(file, module)
        same = same or reasons == []
        differing += [reason for reason in reasons or () if reason not in differing]
    if same:
        grounds.notes.append("it is the build the dump had loaded")
        return True
    if not differing:
        return None
    grounds.notes.append(f"it is not the build the dump had loaded ({', '.join(differing)} differ)")
    return False


def _differences(file: Fact, module: ModuleSeen) -> list[str] | None:
    """Name what differs; None when the dump's entry tells nothing."""
    pairs = (
        ("time stamp", _number(file.fields.get("stamp", ""), 16), module.stamp),
        ("size", _number(file.fields.get("image_size", ""), 0), module.size),
        ("checksum", _number(file.fields.get("checksum", ""), 0), module.checksum),
    )
    known = [(name, mine, theirs) for name, mine, theirs in pairs if mine and theirs]
    if not known:
        return None
    return [name for name, mine, theirs in known if mine != theirs]


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        return 0
