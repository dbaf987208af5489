"""Source of every expectation: a Server 2003 dump (32-bit form), WDK public types of _SUMMARY_DUMP64 (64-bit form)."""

import struct
from pathlib import Path

import pytest

from bugcheck.synth import DumpKind
from bugcheck.synth.physical import FrameUse
from tests.synth.built import dump, machine

PAGE = 0x1000


def summary_frames(data: bytes, start: int, bits_at: int) -> tuple[list[int], int]:
    """Frame numbers and file offset of the first page, as the summary header says."""
    assert data[start : start + 8] == b"SDMPDUMP"
    _, first_page, bits, pages, bitmap_size = struct.unpack_from("<5I", data, start + 8)
    assert bits == bitmap_size
    bitmap = data[start + bits_at : start + bits_at + bits // 8]
    frames = [frame for frame in range(bits) if bitmap[frame // 8] >> frame % 8 & 1]
    assert len(frames) == pages
    return frames, first_page


@pytest.mark.parametrize(
    ("name", "start", "bits_at"), [("x86", 0x1000, 0x20), ("x86_pae", 0x1000, 0x20), ("x64", 0x2000, 0x28)]
)
def test_pages_behind_the_bitmap_in_frame_order(name: str, start: int, bits_at: int) -> None:
    data, truth = dump(name, DumpKind.SUMMARY), machine(name)
    frames, first_page = summary_frames(data, start, bits_at)
    assert frames == truth.kernel_frames()
    for index, frame in enumerate(frames):
        offset = first_page + PAGE * index
        assert data[offset : offset + PAGE] == truth.physical.page(frame)


def test_a_dump_another_builder_made_reads_the_same_way(shared: Path) -> None:
    # story_kernel.dmp: a debugger engine opens it; story.dmp holds the same machine completely.
    folder = shared / "story"
    if not (folder / "story_kernel.dmp").is_file():
        pytest.skip(f"needs {folder}/story_kernel.dmp, which is absent")
    data, full = (folder / "story_kernel.dmp").read_bytes(), (folder / "story.dmp").read_bytes()
    frames, first_page = summary_frames(data, 0x1000, 0x20)
    assert first_page + PAGE * len(frames) == len(data)
    root = struct.unpack_from("<I", data, 0x10)[0] >> 12
    found = data[first_page + PAGE * frames.index(root) :][:PAGE]
    assert found == full[0x1000 + PAGE * (root - 1) :][:PAGE]  # its first run begins at frame 1


@pytest.mark.parametrize(("name", "start"), [("x86", 0x1000), ("x86_pae", 0x1000), ("x64", 0x2000), ("arm64", 0x2000)])
def test_kernel_bitmaps_differ_in_their_type_only(name: str, start: int) -> None:
    kernel, automatic = dump(name, DumpKind.BITMAP_KERNEL), dump(name, DumpKind.AUTOMATIC)
    place = 0xF98 if start == 0x2000 else 0xF88
    assert (kernel[place], automatic[place]) == (6, 7)
    assert kernel[:place] + kernel[place + 1 :] == automatic[:place] + automatic[place + 1 :]
    # kdmp-parser's BMP_HEADER64: first page at +20, pages present at +28, bits at +30, bitmap at +38.
    assert kernel[start : start + 8] == b"SDMPDUMP"
    first_page, present, bits = struct.unpack_from("<3Q", kernel, start + 0x20)
    bitmap = kernel[start + 0x38 : start + 0x38 + bits // 8]
    frames = [frame for frame in range(bits) if bitmap[frame // 8] >> frame % 8 & 1]
    truth = machine(name)
    assert frames == truth.kernel_frames()
    assert len(frames) == present
    for index, frame in enumerate(frames):
        assert kernel[first_page + PAGE * index :][:PAGE] == truth.physical.page(frame)


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64", "arm64"])
def test_kernel_dumps_leave_user_pages_out(name: str) -> None:
    truth = machine(name)
    user = set(truth.physical.used_frames(FrameUse.USER))
    assert user
    assert not user & set(truth.kernel_frames())
    assert user < set(truth.used_frames())
