"""Marked blocks of README and docs → the same blocks with what the commands in them print today.

    python scripts/make_readme_output.py            rewrite them
    python scripts/make_readme_output.py --check    exit 1 when one is stale

A block is a comment `<!-- output: bugcheck analyze story_triage.dmp -->` before a fence of kind `console`.  They run
in a folder that holds the dumps of ../shared/story, and demo/server-2003.dmp and demo/incident, which examples/demo.py
builds; two filters are understood behind a pipe: `head -N` and `jq .key.key`.  Blocks whose dump is not at hand
are left as they are.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Generator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory

from bugcheck.cli.main import main as command_line

ROOT = Path(__file__).resolve().parents[1]
STORY = ROOT.parent / "shared" / "story"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"(<!-- output: (?P<command>.+?) -->\n```console\n)(?:(?!```).*\n)*(```\n)")


def main(arguments: list[str]) -> int:
    """Rewrite or check all documents; returns the exit status."""
    stale = 0
    with workspace():
        for document in DOCUMENTS:
            old = document.read_text("utf-8")
            new = renewed(old)
            stale += new != old
            if "--check" not in arguments:
                document.write_text(new, "utf-8")
    return 1 if stale and "--check" in arguments else 0


@contextmanager
def workspace() -> Generator[Path]:
    """Work in a folder with the dumps the documents speak of."""
    demo = run_path(str(ROOT / "examples" / "demo.py"))
    with TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        (folder / "demo").mkdir()
        demo["build"](folder / "demo")
        demo["build_incident"](folder / "demo")
        for dump in STORY.glob("*.dmp"):
            (folder / dump.name).symlink_to(dump)
        # what this machine has in its symbol cache must not show in the documents
        os.environ.pop("_NT_SYMBOL_PATH", None)
        os.environ["XDG_CACHE_HOME"] = name
        yield folder


def renewed(text: str) -> str:
    """Fill every block of a document whose dump is at hand."""

    def fill(block: re.Match[str]) -> str:
        command = block["command"]
        return block[1] + transcript(command) + "\n" + block[3] if is_runnable(command) else block[0]

    return BLOCK.sub(fill, text)


def is_runnable(command: str) -> bool:
    """Tell whether the files the command names are there."""
    return all(Path(word).exists() for word in shlex.split(command) if word.endswith(".dmp"))


def transcript(command: str) -> str:
    """What a terminal of 120 columns would show: the command and its output."""
    call, *filters = command.split(" | ")
    program, *arguments = shlex.split(call)
    if program != "bugcheck":
        raise ValueError(f"not a command of ours: {command}")
    output = run(arguments)
    for each in filters:
        output = filtered(output, shlex.split(each))
    return f"$ {command}\n{output}".rstrip()


def run(arguments: list[str]) -> str:
    """Run the command line; returns what it wrote to standard output and standard error."""
    stream = io.StringIO()
    os.environ["COLUMNS"] = "120"
    with redirect_stdout(stream), redirect_stderr(stream), suppress(SystemExit):  # argparse leaves so after --help
        command_line(arguments)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def filtered(output: str, words: list[str]) -> str:
    """Apply `head -N` or `jq .key.key`. Raises ValueError for anything else."""
    if words[0] == "head" and len(words) == 2:
        return "\n".join(output.splitlines()[: int(words[1].removeprefix("-"))])
    if words[0] == "jq" and len(words) == 2:
        value = json.loads(output)
        for key in filter(None, words[1].split(".")):
            value = value[key]
        return json.dumps(value, indent=2, ensure_ascii=False)
    raise ValueError(f"no filter here: {' '.join(words)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
