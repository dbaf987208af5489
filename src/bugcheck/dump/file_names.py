"""A file's name → what people keep under such a name: a dump, an archive, a text.

Source: the suffixes debuggers, crash reporters and archivers give.

Folklore: a name is a hint, never the answer: dumps are known by their first bytes.  It tells what to look into, and
what to report when it turns out to be something else.
"""

from __future__ import annotations

DUMP_SUFFIXES = (".dmp", ".mdmp", ".hdmp", ".kdmp")
ARCHIVE_SUFFIXES = (".zip", ".cab", ".gz", ".xz", ".bz2", ".tgz", ".tar", ".lzma", ".tbz2", ".txz")
TEXT_SUFFIXES = (".txt", ".log", ".md", ".htm", ".html")
"""How files are named that may be a debugger's log."""
