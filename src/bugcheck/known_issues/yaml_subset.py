"""A YAML text of the block style that lists of drivers use → dicts, lists and texts.

Source: YAML 1.2.2, of which this reads: block mappings and sequences, plain, quoted and block scalars (folded over
lines as chapters 7.3 and 8.1 say), flow sequences of scalars, comments.  Every scalar stays text.  Anchors, aliases,
tags, flow mappings and complex keys are refused with the line they stand on: nothing here needs them, and an alias
makes a small file large.

Folklore: the LOLDrivers records are up to a megabyte each, nine tenths of it names of imported functions and
certificates; `skip` names the keys whose values are passed over unread, which makes reading all of them a matter of
seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

TEXT_LIMIT = 8 << 20
LINES, DEEPEST = 400_000, 24
Node = str | list["Node"] | dict[str, "Node"]
_KEY = re.compile(
    r"""("(?:[^"\\]|\\.){0,256}"|'(?:[^']|''){0,256}'|[^\s"'\[\]{}&*!|>%@`#,](?:[^#]|(?<=\S)#){0,256}?)\s*:(?:\s+|$)"""
)
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?\s*(?:#.*)?$")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "e": "\x1b",
    "_": "\xa0",
    "N": "\x85",
    "L": "\u2028",
    "P": "\u2029",
    "a": "\a",
    "b": "\b",
    "v": "\v",
    "f": "\f",
}
_NULL = frozenset({"null", "~", "Null", "NULL"})


class YamlError(ValueError):
    """What is not YAML, or not of the part read here; says the line."""


def read_yaml(text: str, skip: frozenset[str] = frozenset()) -> Node:
    """Read one document. Raises YamlError."""
    if len(text) > TEXT_LIMIT:
        raise YamlError(f"longer than {TEXT_LIMIT:,} characters (the limit)")
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    if len(lines) > LINES:
        raise YamlError(f"more than {LINES:,} lines (the limit)")
    return _Reader(lines, skip).document()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Reader:
    """The lines of a document and the one being looked at."""

    def __init__(self, lines: list[str], skip: frozenset[str]) -> None:
        self.lines = lines
        self.skip = skip
        self.at = 0

    def document(self) -> Node:
        node = self.block(0, 0) if self.more() else ""
        if self.more():
            raise self.error("more than one document, or a line that does not fit")
        return node

    def error(self, what: str) -> YamlError:
        return YamlError(f"line {self.at + 1}: {what}")

    def more(self) -> bool:
        """Go to the next line that says anything; False at the end."""
        while self.at < len(self.lines):
            text = self.lines[self.at].strip()
            if text and not text.startswith("#") and text != "---" and not text.startswith("%"):
                return text != "..."
            self.at += 1
        return False

    def block(self, least: int, depth: int) -> Node:
        """Read the node that begins on this line, indented at least so far."""
        if depth > DEEPEST:
            raise self.error(f"nested more than {DEEPEST} deep (the limit)")
        line = self.lines[self.at]
        indent, text = _indent(line), line.strip()
        if indent < least:
            return ""
        if text == "-" or text.startswith("- "):
            return self.sequence(indent, depth)
        if _KEY.match(text):
            return self.mapping(indent, depth)
        self.at += 1
        return self.scalar(text, indent - 1)

    def sequence(self, indent: int, depth: int) -> list[Node]:
        items: list[Node] = []
        while self.more():
            line = self.lines[self.at]
            text = line.strip()
            if _indent(line) != indent or not (text == "-" or text.startswith("- ")):
                break
            rest = text[1:].strip()
            column = indent + len(text) - len(text[1:].lstrip())
            if not rest or rest.startswith("#"):
                self.at += 1
                items.append(self.below(indent + 1, depth))
            else:
                # the item begins on this line: what follows the dash counts as indented
                self.lines[self.at] = " " * column + rest if _opens(rest) else line
                items.append(self.item(indent, rest, depth))
        return items

    def item(self, indent: int, rest: str, depth: int) -> Node:
        if _opens(rest):
            return self.block(indent + 1, depth + 1)
        self.at += 1
        return self.scalar(rest, indent)

    def mapping(self, indent: int, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while self.more():
            line = self.lines[self.at]
            if _indent(line) != indent:
                break
            match = _KEY.match(line.strip())
            if match is None:
                raise self.error("no key where one should be")
            key, rest = _unquoted(match[1]), line.strip()[match.end() :]
            self.at += 1
            if key in self.skip:
                self.pass_over(indent)
            elif not rest or rest.startswith("#"):
                found[key] = self.below(indent, depth)
            else:
                found[key] = self.scalar(rest, indent)
        if self.more() and _indent(self.lines[self.at]) > indent:
            raise self.error("indented further than what it belongs to")
        return found

    def below(self, indent: int, depth: int) -> Node:
        """Read the value that begins on a line of its own; a sequence may stand as far left as its key."""
        if not self.more():
            return ""
        line = self.lines[self.at]
        dash = line.lstrip(" ").startswith(("- ", "-\n")) or line.strip() == "-"
        if _indent(line) > indent or (dash and _indent(line) == indent):
            return self.block(indent, depth + 1)
        return ""

    def pass_over(self, indent: int) -> None:
        """Skip the value of a key, whatever it is."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            text = line.lstrip(" ")
            own = len(line) - len(text)
            if text and (own < indent or (own == indent and not text.startswith(("- ", "#")) and text != "-")):
                return
            self.at += 1

    def scalar(self, text: str, indent: int) -> Node:
        """Read a scalar that begins with `text`; the lines after it belong to it while indented further."""
        if _BLOCK.match(text):
            return self.block_scalar(text[0] == ">", indent)
        if text[0] in "\"'":
            return self.quoted(text)
        if text[0] == "[":
            return self.flow(text)
        if text.partition(" #")[0].strip() == "{}":
            return {}
        if text[0] in "{&*!|>%@`":
            raise YamlError(f"line {self.at}: {text[0]} is not read here")
        plain = " ".join(part.partition(" #")[0].strip() for part in (text, *self.continuations(indent)))
        return "" if plain in _NULL else plain.strip()

    def continuations(self, indent: int) -> Iterator[str]:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.strip() or _indent(line) <= indent:
                return
            self.at += 1
            yield line.strip()

    def block_scalar(self, folded: bool, indent: int) -> str:
        parts: list[str] = []
        while self.at < len(self.lines) and (not self.lines[self.at].strip() or _indent(self.lines[self.at]) > indent):
            parts.append(self.lines[self.at].strip())
            self.at += 1
        return (" " if folded else "\n").join(parts).strip()

    def quoted(self, text: str) -> str:
        mark = text[0]
        whole = [text]
        while not _closed(whole[-1] if len(whole) > 1 else text[1:], mark):
            if self.at >= len(self.lines):
                raise YamlError(f"line {self.at}: a quote is not closed")
            whole.append(self.lines[self.at].strip())
            self.at += 1
        # a backslash at a line's end joins without a space; an empty line is a line break
        joined = whole[0]
        for part in whole[1:]:
            if mark == '"' and _escapes_end(joined):
                joined = joined[:-1] + part
            else:
                joined += (" " if joined[-1:] != "\n" else "") + part if part else "\n"
        return _unquoted(joined[: joined.rindex(mark) + 1])

    def flow(self, text: str) -> list[Node]:
        while not text.endswith("]"):
            text = text.partition(" #")[0].strip()
            if text.endswith("]"):
                break
            if self.at >= len(self.lines):
                raise YamlError(f"line {self.at}: a bracket is not closed")
            text += " " + self.lines[self.at].strip()
            self.at += 1
        inner = text[1:-1].strip()
        if any(mark in inner for mark in "[]{}"):
            raise YamlError(f"line {self.at}: flow inside flow is not read here")
        return [_unquoted(part.strip()) for part in inner.split(",") if part.strip()]


def _opens(rest: str) -> bool:
    """Tell whether a sequence's item is a mapping or a sequence itself."""
    return rest.startswith("- ") or rest == "-" or _KEY.match(rest) is not None


def _escapes_end(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _closed(text: str, mark: str) -> bool:
    """Tell whether a line of a quoted scalar holds its closing quote."""
    if mark == "'":
        return text.replace("''", "").rstrip().partition(" #")[0].rstrip().endswith("'") or "'" in text.replace(
            "''", ""
        )
    return '"' in re.sub(r"\\.", "", text)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_escaped, text[1:-1])
    return text


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 1:
        return _SIMPLE.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
