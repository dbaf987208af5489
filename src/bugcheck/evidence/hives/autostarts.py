"""Run keys and their like → what starts by itself.

Source: Microsoft, "Run and RunOnce Registry Keys", "Winlogon and credential providers" (Shell, Userinit), "AppInit
DLLs", Image File Execution Options (Debugger).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key, filled

_RUN = tuple(
    rf"{node}Microsoft\Windows\CurrentVersion\{name}"
    for node in ("", "WOW6432Node\\")
    for name in ("Run", "RunOnce", "RunOnceEx", "RunServices", r"Policies\Explorer\Run")
)
_SINGLE = (
    (r"Microsoft\Windows NT\CurrentVersion\Winlogon", ("Shell", "Userinit", "GinaDLL", "Taskman")),
    (r"Microsoft\Windows NT\CurrentVersion\Windows", ("AppInit_DLLs", "Load", "Run")),
    (r"WOW6432Node\Microsoft\Windows NT\CurrentVersion\Windows", ("AppInit_DLLs",)),
)
_EXECUTION_OPTIONS = r"Microsoft\Windows NT\CurrentVersion\Image File Execution Options"


def autostarts(software: Key) -> Iterator[Fact]:
    """Yield autostart entries below a Software key, a machine's or a user's."""
    for path in _RUN:
        key = software.at(path)
        for value in key.values().values() if key else ():
            if key and value.name and value.text:
                yield Fact("autorun", value.name, value.text, f"key {key.path}", {"location": path})
    for path, names in _SINGLE:
        key = software.at(path)
        for name in names if key else ():
            if key and key.text(name):
                yield Fact("autorun", name, key.text(name), f"key {key.path}", {"location": path})
    for key in software.under(_EXECUTION_OPTIONS):
        for name in ("Debugger", "VerifierDlls", "GlobalFlag"):
            if key.text(name):
                kind, label = ("autorun", key.name) if name == "Debugger" else ("setting", f"{name} of {key.name}")
                yield Fact(kind, label, key.text(name), f"key {key.path}", filled(location=_EXECUTION_OPTIONS))
