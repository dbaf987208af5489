"""A folder of modules → a registry of extensions.

One extension is one file with one decorator; there is no central list.  A file that fails to import is recorded in
`Registry.broken` and the rest goes on.  Other distributions join through the entry-point group `bugcheck.plugins`
(each entry names a module whose import registers things).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Generic, Protocol, TypeVar

from bugcheck.errors import BugcheckError
from bugcheck.records import dataclass

PLUGIN_GROUP = "bugcheck.plugins"


class Named(Protocol):
    """What every extension has: a name unique in its registry."""

    @property
    def name(self) -> str:
        """The extension's name, as in the catalog."""
        ...


T = TypeVar("T", bound=Named)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class BrokenExtension:
    """A module that could not be imported, and why."""

    module: str
    error: str


class Registry(Generic[T]):
    """The extensions of one kind, loaded from the modules of one package on first use.

    Attributes:
        kind: what the extensions are, for messages ("dump format").
        package: dotted name of the folder that holds one file per extension.
        broken: modules that failed to import.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self.broken: list[BrokenExtension] = []
        self._extensions: dict[str, T] = {}
        self._loaded = False
        self._asked: set[str] = set()

    def add(self, extension: T) -> T:
        """Register an extension. Raises ValueError when its name is taken."""
        if extension.name in self._extensions:
            raise ValueError(f"two {self.kind}s are named {extension.name}")
        self._extensions[extension.name] = extension
        return extension

    def __iter__(self) -> Iterator[T]:
        """Iterate in the order of names, so that results do not depend on the file system."""
        self.load()
        return iter([self._extensions[name] for name in sorted(self._extensions)])

    def loaded(self) -> list[T]:
        """The extensions imported so far, in the order of names."""
        return [self._extensions[name] for name in sorted(self._extensions)]

    def load_one(self, stem: str) -> None:
        """Import only the module `stem` of the package, if it is there, and the plug-ins; nothing is imported twice."""
        if self._loaded or stem in self._asked:
            return
        if not self._asked:
            load_plugins(self.broken)
        self._asked.add(stem)
        name = f"{self.package}.{stem}"
        if name in modules_of(self.package):
            _import(name, self.broken)

    def load(self) -> None:
        """Import every module of the package and of the plug-ins, once."""
        if self._loaded:
            return
        self._loaded = True
        for name in modules_of(self.package):
            _import(name, self.broken)
        load_plugins(self.broken)


def guarded(run: Callable[[], Iterable[Answer]], failed: Callable[[str], Answer]) -> Iterator[Answer]:
    """Yield what one extension yields; its own mistake ends as one more answer, made by `failed` from the words for it.

    So that one rule's or parser's mistake does not cost the others' answers.
    """
    try:
        yield from run()
    except BugcheckError as error:
        yield failed(str(error))
    except Exception as error:  # the second of the three places
        yield failed(f"{type(error).__name__}: {error}")


def modules_of(package: str) -> list[str]:
    """List the dotted names of a package's modules, sorted; private ones (`_x`) left out."""
    found: set[str] = set()
    for folder in importlib.import_module(package).__path__:
        with os.scandir(folder) as entries:
            found.update(entry.name for entry in entries)
    stems = {name.partition(".")[0] for name in found if name.endswith((".py", ".pyc"))}
    return [f"{package}.{stem}" for stem in sorted(stems) if not stem.startswith("_")]


def load_plugins(broken: list[BrokenExtension]) -> None:
    """Import the modules other distributions declare in the group `bugcheck.plugins`."""
    if not any(_declares_plugins(folder) for folder in sys.path):
        return
    from importlib.metadata import entry_points  # 20 ms: only where a plug-in is installed

    for entry in entry_points(group=PLUGIN_GROUP):
        _import(entry.module, broken)


@cache
def _declares_plugins(folder: str) -> bool:
    """Tell whether a distribution in a folder of the path names the group; asked once for all registries."""
    try:
        with os.scandir(folder or ".") as entries:
            infos = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return False
    return any(_mentions_group(os.path.join(info, "entry_points.txt")) for info in infos)  # noqa: PTH118 (hot path)


def _mentions_group(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (hot path)
            return PLUGIN_GROUP.encode() in file.read(0x10000)
    except OSError:
        return False


def _import(module: str, broken: list[BrokenExtension]) -> None:
    load: Callable[[str], object] = importlib.import_module
    try:
        load(module)
    except Exception as error:  # the first of the three places: a broken file must not take the others along
        broken.append(BrokenExtension(module, f"{type(error).__name__}: {error}"))
