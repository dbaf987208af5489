"""Factories → machines and dumps, each built once for all tests of this folder."""

import functools
from collections.abc import Callable
from pathlib import Path

from bugcheck.synth import (
    DumpKind,
    MachineDescription,
    MachineTruth,
    arm32_machine,
    arm64_machine,
    build_machine,
    kernel_dump_of,
    x64_encoded_machine,
    x64_five_level_machine,
    x64_machine,
    x86_machine,
    x86_pae_machine,
)

FACTORIES: dict[str, Callable[[], MachineDescription]] = {
    "x64": x64_machine,
    "x64_encoded": x64_encoded_machine,
    "x64_five_level": x64_five_level_machine,
    "x86": x86_machine,
    "x86_pae": x86_pae_machine,
    "arm64": arm64_machine,
    "arm32": arm32_machine,
}


@functools.cache
def machine(name: str) -> MachineTruth:
    """The built machine of a factory."""
    return build_machine(FACTORIES[name]())


@functools.cache
def dump(name: str, kind: DumpKind) -> bytes:
    """The bytes of a kernel dump."""
    return kernel_dump_of(machine(name), kind)


def dump_file(folder: Path, name: str, kind: DumpKind) -> Path:
    """A kernel dump as a file, for readers that want a path."""
    path = folder / f"{name}.dmp"
    path.write_bytes(dump(name, kind))
    return path
