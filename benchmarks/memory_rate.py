"""A full x64 dump → translations and page reads per second, beside kdmp-parser's (C++ under Python bindings).

Run by run.py as `memory_rate.py FILE`, answers in JSON.  Both must read the same bytes before they race.
"""

from __future__ import annotations

import json
import sys
from itertools import islice

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from kdmp_parser import KernelDumpParser  # pyright: ignore[reportMissingTypeStubs]

from benchmarks.rates import best_rate, each
from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Dump
from bugcheck.dump.open import read_dump
from bugcheck.memory.open import open_process
from bugcheck.memory.page_tables.translation import PageState
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.memory.translated import TranslatedSpace

PAGE = 0x1000
MOST_PAGES = 4096


def space_of(dump: Dump) -> TranslatedSpace:
    """Open the virtual memory anew, with nothing remembered."""
    assert dump.kernel is not None
    return open_process(dump, PhysicalMemory(dump), dump.kernel.directory_table_base)


def measure(path: str) -> dict[str, float]:
    """Race over every small page the dump holds."""
    dump, peer = read_dump(map_file(path)), KernelDumpParser(path)
    space = space_of(dump)
    # kdmp-parser does not follow pages in transition, which the processor would fault on
    valid = (address for address, page in space.pages() if (page.page_size, page.state) == (PAGE, PageState.VALID))
    pages = [address for address in islice(valid, MOST_PAGES) if space.try_read(address, PAGE) is not None]
    for address in pages:
        assert bytes(peer.read_virtual_page(address) or b"") == space.read(address, PAGE), hex(address)

    def first_reads() -> int:
        fresh = space_of(dump)
        return each(lambda address: fresh.read(address, PAGE), pages)

    return {
        "pages": len(pages),
        "translations": best_rate(lambda: each(space.translate, pages)),
        "peer_translations": best_rate(lambda: each(peer.translate_virtual, pages)),
        "first_reads": best_rate(first_reads),
        "reads": best_rate(lambda: each(lambda address: space.read(address, PAGE), pages)),
        "peer_reads": best_rate(lambda: each(peer.read_virtual_page, pages)),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
