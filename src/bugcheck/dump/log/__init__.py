"""WinDbg's `!analyze -v` text → a Dump, for crashes whose dump is gone."""
