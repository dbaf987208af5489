"""Programs that ran: prefetch, the compatibility assistant, Amcache's installers; web logs; what is only named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.evidence.evidence import Event, Span
from bugcheck.gaps import Gap
from tests.evidence import hive_builder as build
from tests.evidence.reading import events, facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")
PREFETCH = (
    # plaso's winprefetch tests: run count, last run
    ("CMD.EXE-087B4001", "2", datetime(2013, 3, 10, 10, 11, 49, 281250, tzinfo=UTC)),
    ("PING.EXE-B29F6629", "14", datetime(2012, 4, 6, 19, 0, 55, 932955, tzinfo=UTC)),
    ("WUAUCLT.EXE-830BCC14", "25", datetime(2012, 3, 15, 21, 17, 39, 807996, tzinfo=UTC)),
    ("TASKHOST.EXE-3AE259FC", "4", datetime(2013, 10, 4, 15, 40, 9, 37833, tzinfo=UTC)),
    ("BYTECODEGENERATOR.EXE-C1E9BCE6", "7", datetime(2015, 5, 14, 22, 11, 58, 91134, tzinfo=UTC)),
)


@pytest.mark.parametrize(("name", "count", "last"), PREFETCH)
def test_prefetch_of_every_version(corpus: Path, name: str, count: str, last: datetime) -> None:
    path = corpus / "evidence" / "prefetch" / f"log2timeline__plaso__{name}.pf"
    runs = events(parsed(file_source(path), "prefetch"), "program_run")
    assert runs[0].time == last
    assert runs[0].fields["count"] == count
    assert runs[0].fields["program"] == name.rpartition("-")[0]


def test_mutants_of_prefetch_raise_nothing(corpus: Path) -> None:
    from bugcheck.evidence.parsers.prefetch import prefetch, probe

    folder = corpus / "evidence" / "prefetch"
    told = refused = 0
    for name in ("CMD.EXE-087B4001", "NOTEPAD.EXE-D8414F97"):
        for mutant in build.mutants((folder / f"log2timeline__plaso__{name}.pf").read_bytes(), 150, 4):
            given = source(mutant, "a.pf")
            if mutant and probe(given):
                records = list(prefetch(given))
                told += any(isinstance(each, Event) for each in records)
                refused += any(isinstance(each, Gap) for each in records)
    assert told > 30
    assert refused > 30


def test_launch_dictionary_and_general_log(corpus: Path) -> None:
    runs = events(parsed(file_source(SAMPLES / "pca_log--PcaAppLaunchDic.txt"), "pca_log"), "program_run")
    assert [run.fields["program"] for run in runs] == ["one.exe", "two.exe"]
    folder = corpus / "evidence" / "misc"
    real = parsed(file_source(folder / "PyPI__dissect.target__PcaAppLaunchDic.txt"), "pca_log")
    assert len(events(real, "program_run")) == 55  # lines of the file that are no comments
    exits = events(parsed(file_source(folder / "log2timeline__plaso__PcaGeneralDb0.txt"), "pca_log"), "program_exit")
    assert [event.fields["code"] for event in exits] == ["0x4c7", "0x1", "0x1"]


def test_amcache_s_installers(corpus: Path) -> None:
    run = events(parsed(file_source(SAMPLES / "amcache_install--INSTALL_0000.txt"), "amcache_install"), "program_run")[
        0
    ]
    assert (run.time, run.fields["sha1"]) == (
        datetime(2023, 6, 1, 23, 50, 9, tzinfo=UTC),
        "c0dcae7c4c80be25661d22400466b4ea074fc580",
    )
    name = "PyPI__dissect.target__amcache_install_INSTALL_0000_594e4eb0-cb0e-4787-99de-3126f8d9e299.txt"
    parsed(file_source(corpus / "evidence" / "misc" / name), "amcache_install")


def test_web_requests_are_utc_and_bad_lines_named() -> None:
    records = parsed(file_source(SAMPLES / "iis_log--u_ex.log"), "iis_log")
    requests = events(records, "web_request")
    assert [event.time for event in requests] == [datetime(2006, 9, 21, 17, 0, second, tzinfo=UTC) for second in (1, 3)]
    assert len([record for record in records if isinstance(record, Gap)]) == 1
    assert len([record for record in records if isinstance(record, Span)]) == 1


def test_the_corpus_web_logs(corpus: Path) -> None:
    """Every line that is no directive is a request."""
    for path in sorted((corpus / "evidence" / "misc").glob("*iis*.log")):
        lines = [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
        requests = events(parsed(file_source(path), "iis_log"), "web_request")
        assert len(requests) == sum(not line.startswith("#") for line in lines), path.name


def test_databases_are_named(corpus: Path) -> None:
    for name in ("SRUDB.dat", "ual_Current.mdb"):
        path = corpus / "evidence" / "misc" / f"PyPI__dissect.target__{name}"
        assert [record for record in parsed(file_source(path), "ese_database") if isinstance(record, Gap)]


def test_the_recovery_environment() -> None:
    settings = facts(parsed(file_source(SAMPLES / "windows_re--ReAgent.xml"), "windows_re"), "setting")
    assert settings["recovery environment InstallState"].value == "1"
