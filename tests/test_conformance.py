"""Whatever registers itself → has a name of its own, says what it is, lies in a file of its own, and can be tested."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bugcheck.dump.dump import DUMP_FORMATS
from bugcheck.dump.packed import CONTAINERS
from bugcheck.extensions import Named, Registry, modules_of
from bugcheck.findings.findings import RULES
from bugcheck.reports.document import REPORT_FORMATS

REGISTRIES: dict[str, Registry[Named]] = {
    registry.kind: registry for registry in (DUMP_FORMATS, CONTAINERS, RULES, REPORT_FORMATS)
}  # type: ignore[assignment]
EXTENSIONS = [(kind, extension) for kind, registry in REGISTRIES.items() for extension in registry]
FILES = [(kind, name) for kind, registry in REGISTRIES.items() for name in modules_of(registry.package)]
EXTENSION_CAP = 150
