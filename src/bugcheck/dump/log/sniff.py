"""The beginning of a text file → whether it is worth reading as a debugger's log.

A folder or an archive holds many texts; one that somebody names is read whatever it looks like, the others only when
words that `!analyze` alone writes stand in them.

Source: the banner and the fields of `!analyze` (../shared/facts/windbg.md §3.2).
"""

from __future__ import annotations

import re

SNIFFED = 1 << 20
_WORDS = re.compile(
    rb"(?:Bugcheck|Exception)\s+Analysis"
    rb"|^[ \t>|]*+(?:BUGCHECK_STR|BUGCHECK_CODE|FAILURE_BUCKET_ID|DEFAULT_BUCKET_ID)\\?:"
    rb"|^[ \t>|]*+BugCheck [0-9A-F]{1,8}, \{",
    re.MULTILINE | re.IGNORECASE,
)


def looks_like_log(head: bytes) -> bool:
    """Tell whether bytes of a text speak `!analyze`'s language; zeros of UTF-16 are passed over."""
    return _WORDS.search(head.replace(b"\0", b"").replace(b"\r", b"\n")) is not None
