"""Scheduled tasks: schtasks, Task XML, .job, at, Group Policy."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bugcheck.evidence.evidence import Fact
from bugcheck.gaps import Gap
from tests.evidence import hive_builder as build
from tests.evidence.reading import events, facts, file_source, parsed, source

SAMPLES = Path(__file__).with_name("samples")
RAN = datetime(2006, 9, 21, 19)


def test_schtasks_tells_command_and_last_run() -> None:
    records = parsed(file_source(SAMPLES / "schtasks--v.csv"), "schtasks")
    tasks = facts(records, "scheduled_task")
    assert tasks[r"\copy"].value == r"robocopy.exe \\hostb\data D:\data"
    assert tasks[r"\copy"].fields["next_run"] == "2006-09-22T19:00:00"
    assert [event.time for event in events(records, "task_run")] == [RAN]  # 1999-11-30 is Windows' never
    assert tasks[r"\never"].fields["enabled"] == "Disabled"
    table = facts(parsed(file_source(SAMPLES / "schtasks--table.txt"), "schtasks"), "scheduled_task")
    assert table["copy"].fields["next_run"] == "2006-09-22T19:00:00"


def test_task_xml_tells_what_and_when() -> None:
    records = parsed(file_source(SAMPLES / "task_xml--copy.xml"), "task_xml")
    task = facts(records, "scheduled_task")[r"\copy"]
    assert (task.value, task.fields["schedule"]) == ("robocopy.exe", "Calendar Day 2006-09-20T19:00:00")
    assert [event.time for event in events(records, "task_registered")] == [datetime(2006, 9, 20, 10)]


def test_task_xml_with_entities_is_not_read() -> None:
    text = (SAMPLES / "task_xml--copy.xml").read_text().replace("<Task ", '<!DOCTYPE a [<!ENTITY b "c">]><Task ', 1)
    assert [record for record in parsed(source(text, "task"), "task_xml") if isinstance(record, Gap) and record.damage]


def test_a_job_file_tells_its_last_run() -> None:
    records = parsed(file_source(SAMPLES / "task_job--copy.job"), "task_job")
    task = facts(records, "scheduled_task")["task_job--copy"]
    assert (task.value, task.fields["arguments"]) == (r"C:\copy.bat", "/now")
    assert task.fields["schedule"] == "daily from 2006-09-20 19:00"
    assert [event.time for event in events(records, "task_run")] == [RAN]


def test_at_lists_jobs() -> None:
    jobs = facts(parsed(file_source(SAMPLES / "at_jobs--at.txt"), "at_jobs"), "scheduled_task")
    assert (jobs["At1"].value, jobs["At1"].fields["schedule"]) == ("copy.bat", "Each M T W Th F 7:00 PM")


def test_the_corpus_tasks(corpus: Path) -> None:
    """Plaso's winjob test: last run 2013-08-24 12:42:00.112, GoogleUpdate.exe."""
    folder = corpus / "evidence" / "task"
    records = parsed(file_source(folder / "log2timeline__plaso__wintask.job"), "task_job")
    run = events(records, "task_run")[0]
    assert run.time == datetime(2013, 8, 24, 12, 42, 0, 112000)
    assert run.fields["program"].endswith("GoogleUpdate.exe")
    parsed(file_source(folder / "PyPI__dissect.target__plugins_os_windows_tasks_AtTask.job"), "task_job")
    toast = parsed(file_source(folder / "PyPI__dissect.target__plugins_os_windows_tasks_MapsToastTask"), "task_xml")
    assert r"\Microsoft\Windows\Maps\MapsToastTask" in facts(toast, "scheduled_task")
    policy = parsed(file_source(folder / "PyPI__dissect.target__gpo_ScheduledTasks.xml"), "task_xml")
    assert facts(policy, "scheduled_task")["Test2"].fields["source"] == "Group Policy"


def test_mutants_of_a_job_raise_nothing() -> None:
    from bugcheck.evidence.parsers.task_job import probe, task_job

    commands: list[str] = []
    for mutant in build.mutants((SAMPLES / "task_job--copy.job").read_bytes(), 300, 3):
        given = source(mutant, "a.job")
        if mutant and probe(given):
            commands += [one.value for one in task_job(given) if isinstance(one, Fact)]
    assert len(commands) > 50
    assert len(set(commands)) > 1, "no mutant reached the text"
