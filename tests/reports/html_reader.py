"""A page of HTML → what a browser would make of it: elements, attributes, texts; and what it must not hold."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "img", "input", "link"}
"""HTML Living Standard, void elements; rect and line of a drawing are self-closed, or hold a title."""
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "script", "header", "main", "footer", "section", "div", "span",
    "h1", "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd", "a", "b", "i", "small", "code", "pre", "details", "summary",
    "p", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "g", "rect", "line",
    "text", "path", "nav",
}  # fmt: skip
"""Elements the reports write: anything else came from a dump."""
LOADING = {"src", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href", "style", "srcdoc"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Reader(HTMLParser):
    elements: list[Element] = field(default_factory=list[Element])
    faults: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        if len(element.attributes) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].name != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1].name if self._open else 'nothing'}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:40]}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"an instruction: {data[:40]}")

    def all(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def by_id(self, name: str) -> Element:
        return next(element for element in self.elements if element.attributes.get("id") == name)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def faults(page: str) -> list[str]:
    """Everything that makes a page unsafe, broken or hard to use; empty for a good one."""
    reader = read(page)
    found = list(reader.faults)
    ids = [element.attributes["id"] for element in reader.elements if "id" in element.attributes]
    found += [f"id {each} stands twice" for each in set(ids) if ids.count(each) > 1]
    for element in reader.elements:
        if element.name not in ALLOWED:
            found.append(f"<{element.name}>")
        for name, value in element.attributes.items():
            if name.startswith("on") or name in LOADING:
                found.append(f"<{element.name} {name}={value[:40]}>")
            if name == "href" and value.removeprefix("#") not in ids:
                found.append(f"a link to {value[:40]}")
    found += _policy_faults(reader)
    levels = [int(e.name[1]) for e in reader.elements if e.name in ("h1", "h2", "h3")]
    if levels.count(1) != 1 or any(b - a > 1 for a, b in pairwise(levels)):
        found.append(f"headings {levels}")
    if reader.all("html")[0].attributes.get("lang") not in ("en", "zh-Hans") or not reader.all("title")[0].text:
        found.append("no language or title")
    return found


def _policy_faults(reader: Reader) -> list[str]:
    """The policy must forbid all but the one style and the one script that are there (CSP Level 3, hashes)."""
    policy = next(e.attributes["content"] for e in reader.all("meta") if "http-equiv" in e.attributes)
    found = [] if policy.startswith("default-src 'none';") and "unsafe" not in policy else [f"policy {policy}"]
    for name in ("style", "script"):
        texts = [element.text for element in reader.all(name)]
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        if len(texts) != 1 or f"{name}-src 'sha256-{digest}'" not in policy:
            found.append(f"{len(texts)} <{name}>, or not the one the policy names")
        if "url(" in texts[0] or "@import" in texts[0] or "http" in texts[0]:
            found.append(f"<{name}> names something outside")
    return found
