"""The platform's folders → where bugcheck keeps what it downloads and what a team tells it.

Source: `platformdirs`, which takes 50 ms to load and is asked only where a folder is needed.
"""

from __future__ import annotations

import os

DATABASE = "known-issues.sqlite"


def symbol_cache_folder() -> str:
    """The platform's cache folder for symbols and their indexes."""
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("bugcheck", appauthor=False), "symbols")  # noqa: PTH118


def known_issue_database() -> str:
    """The platform's place for the database of one's own known issues."""
    from platformdirs import user_data_dir

    return os.path.join(user_data_dir("bugcheck", appauthor=False), DATABASE)  # noqa: PTH118


def may_have_database() -> bool:
    """Tell cheaply whether a database lies in one of the usual places."""
    home = os.path.expanduser("~")  # noqa: PTH111
    places = (
        os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"),  # noqa: PTH118
        os.path.join(home, "Library", "Application Support"),  # noqa: PTH118
        os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"),  # noqa: PTH118
    )
    return any(os.path.exists(os.path.join(place, "bugcheck", DATABASE)) for place in places)  # noqa: PTH110, PTH118
