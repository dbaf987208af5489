"""A debugger's log is read whole: bug check, registers, stack, modules, machine.

Expected values: texts.py beside this, where they were made up together with the logs.
"""

from __future__ import annotations

import pytest

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.dump.log.read import read_logs
from bugcheck.findings.findings import Crash
from bugcheck.machine.machine import Machine
from bugcheck.stack.frame import Trust
from tests.dump.log.texts import ARM64, ELEVEN, LOGS, SEVEN, TOLD, USER, XP


def dumps(text: str | bytes) -> list[Dump]:
    raw = text if isinstance(text, bytes) else text.encode("utf-8")
    return read_logs(BinaryView(raw, "log.txt"))


def crash(text: str | bytes) -> Crash:
    [dump] = dumps(text)
    return Crash(Machine(dump))


@pytest.fixture(params=LOGS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_bug_check_and_exception(name: str) -> None:
    machine, told = crash(LOGS[name]).machine, TOLD[name]
    assert machine.architecture.value == told.architecture
    assert machine.dump.is_kernel is bool(told.code)
    check = machine.bugcheck
    assert (check.recorded_code if check else 0) == told.code
    assert tuple(parameter.value for parameter in (check.parameters if check else ())) == told.parameters
    exception = machine.exception
    assert (exception and (exception.code, exception.address)) == told.exception


def test_registers(name: str) -> None:
    context, told = crash(LOGS[name]).context, TOLD[name]
    assert context is not None
    assert context.source == told.source
    assert {register: context.registers[register] for register in told.registers} == told.registers


def test_machine(name: str) -> None:
    machine, told = crash(LOGS[name]).machine, TOLD[name]
    assert (machine.process.name if machine.process else "") == told.process
    assert machine.irql == told.irql
    assert machine.system is not None
    assert machine.system.build == told.build
    module = machine.modules.named(told.module[0])
    assert module is not None
    assert (module.image, module.time_date_stamp) == (told.module[1], told.module[3])
    assert not told.module[2] or module.base == told.module[2]


def test_stack(name: str) -> None:
    read, told = crash(LOGS[name]), TOLD[name]
    assert read.dump.log is not None
    assert len([frame for frame in read.dump.log.frames if not frame.inline]) == told.levels
    stack = read.stack or read.fault_stack
    assert stack is not None
    assert all(frame.trust is Trust.LOG for frame in stack.frames)
    frame = stack.frames[told.frame[0]]
    assert (frame.ip, frame.name) == told.frame[1:]


def test_stack_of_the_fault_begins_at_the_fault() -> None:
    stack = crash(XP).fault_stack
    assert stack is not None
    assert [frame.name for frame in stack.frames[:3]] == ["quietdrv+0x1c22", "quietdrv+0xd4e", "nt!IopfCallDriver+0x31"]
    assert stack.frames[0].warning.startswith("WARNING: Stack unwind")
    stack = crash(ELEVEN).fault_stack
    assert stack is not None
    assert stack.frames[0].name == "netquick+0x1e40"


def test_an_inlined_level_is_told() -> None:
    log = crash(ELEVEN).dump.log
    assert log is not None
    [inlined] = [frame for frame in log.frames if frame.inline]
    assert (inlined.module, inlined.function) == ("nt", "KiExecuteDpcList")


def test_preamble() -> None:
    system = crash(XP).machine.system
    assert system is not None
    assert (system.os, system.service_pack, system.product_type) == ("Windows XP SP2", 2, "workstation")
    assert system.build_lab == "2600.xpsp_sp2_gdr.050301-1519"
    assert system.uptime_seconds == 2 * 3600 + 11 * 60 + 30.859
    modules = crash(XP).modules
    kernel = modules.named("nt")
    assert kernel is not None
    assert kernel.base == 0x804D7000


def test_instructions_of_the_log_are_its_memory() -> None:
    # ARM64's instructions are printed as one number, not as bytes in order
    arm64 = (ARM64, 0xFFFFF803C8072980, "080c40f9")
    for text, address, data in ((XP, 0xF7A41C22, "8b4608"), (SEVEN, 0xFFFFF8800412AD34, "498b4010"), arm64):
        assert crash(text).memory.read(address, len(data) // 2).hex() == data
    code = crash(XP).faulting_code
    assert code is not None
    assert (code.access_address, code.text) == (8, "mov eax,dword ptr [esi+8]")


def test_registers_a_trap_frame_lacks_are_absent() -> None:
    context = crash(ELEVEN).context
    assert context is not None
    assert "rbx" not in context.registers
    assert context.registers["r8"] == 0


def test_user_modules_of_a_kernel_log_are_no_drivers() -> None:
    module = crash(SEVEN).modules.named("ntdll")
    assert module is not None
    assert module.image == "ntdll.dll"


def test_a_module_with_main_is_the_program() -> None:
    text = USER.replace("PROCESS_NAME:  notebook.exe", "").replace("IMAGE_NAME:  notebook.exe", "")
    module = crash(text.replace("notebook!MainWindow", "notebook!wmain")).modules.named("notebook")
    assert module is not None
    assert module.image == "notebook.exe"


# --- where a log is silent, doubtful, or none ---


def gaps(text: str) -> dict[str, str]:
    return {gap.what: gap.missing for gap in crash(text).dump.gaps}


def test_a_guessed_build_is_no_fact() -> None:
    assert "the Windows build" in gaps(SEVEN)
    system = crash(SEVEN).machine.system
    assert system is not None
    assert system.os == "Windows, probably 7 or earlier"
    assert "the Windows build" not in gaps(XP)


def test_arguments_come_from_the_stack_when_they_are_not_printed() -> None:
    text = "\n".join(line for line in XP.split("\n") if not line.startswith(("Arg", "BugCheck")))
    check = crash(text).bugcheck
    assert check is not None
    # the words of KeBugCheckEx's line, then TRAP_FRAME for parameter 3
    assert [parameter.value for parameter in check.parameters] == [0xC0000005, 0xF7A41C22, 0xF5D2A9B8, 0]
    assert "parameters of the bug check" in gaps(text)


def test_a_log_without_a_code_does_not_become_code_0() -> None:
    stack = XP[XP.index("STACK_TEXT:") : XP.index("STACK_COMMAND")].replace("KeBugCheckEx", "KiUnknown")
    read = crash(stack)
    assert read.dump.is_kernel
    assert read.bugcheck is None
    assert "the bug check's code" in gaps(stack)


def test_a_log_that_contradicts_itself() -> None:
    found = gaps(SEVEN.replace("BUGCHECK_STR:  0x3B", "BUGCHECK_STR:  0x50"))
    assert found["which bug check it was"].startswith("the log contradicts itself: 0x3b, 0x50")
    found = gaps(SEVEN.replace("MODULE_NAME: slowflt", "MODULE_NAME: fltmgr"))
    assert found["which module was blamed"].endswith("MODULE_NAME fltmgr, SYMBOL_NAME slowflt")


def test_a_refined_code_is_no_contradiction() -> None:
    # KeBugCheck2 makes CC of a 50 in special pool: title and stack then differ
    text = SEVEN.replace("SYSTEM_SERVICE_EXCEPTION (3b)", "PAGE_FAULT_IN_FREED_SPECIAL_POOL (cc)").replace(
        "0x3B", "0xCC"
    )
    text = text.replace(
        "STACK_TEXT:", "STACK_TEXT:\nfffff880`02f5e9a0 fffff800`02b8b4a5 : 00000000`00000050 fffff900`c1e1c003 00000000"
        "`00000001 fffff880`02f5eaa0 : nt!KeBugCheckEx"
    )  # fmt: skip
    assert "which bug check it was" not in gaps(text)


def test_no_stack_is_a_gap() -> None:
    text = ELEVEN[: ELEVEN.index("STACK_TEXT")] + ELEVEN[ELEVEN.index("SYMBOL_NAME") :]
    assert "the stack" in gaps(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no log at all",
        "Bugcheck Analysis is what !analyze -v prints",
        "fields = ['BUGCHECK_CODE:', 'BUGCHECK_P1:', 'FAILURE_BUCKET_ID:', 'STACK_TEXT:']",
        "The BUGCHECK_STR: field shows the code, the DEFAULT_BUCKET_ID: field the class of failure.",
        "if (line.startswith('STACK_TEXT:')) { read('FAULTING_IP:'); }",
        "\0" * 4096,
    ],
)
def test_text_that_is_no_log(text: str) -> None:
    assert dumps(text) == []


# --- several in one file ---


def test_several_analyses_of_one_file() -> None:
    found = dumps("\n".join([XP, "and the next day:", SEVEN, ELEVEN, USER]))
    codes = [dump.kernel.bugcheck_code if dump.kernel else 0 for dump in found]
    assert codes == [0x1000008E, 0x3B, 0xD1, 0]


def test_two_crashes_of_which_one_was_analysed() -> None:
    brief = XP[: XP.index("Followup:")].replace(
        "1000008E, {c0000005, f7a41c22, f5d2a9b8, 0}", "50, {ffff0000, 1, 2, 0}"
    )
    first, second = dumps(brief + SEVEN)
    assert (first.kernel and first.kernel.bugcheck_code, second.kernel and second.kernel.bugcheck_code) == (0x50, 0x3B)
    assert first.kernel is not None
    assert first.kernel.bugcheck_parameters == (0xFFFF0000, 1, 2, 0)


def test_two_analyses_without_banners_between() -> None:
    parts = [text[text.index(title) :] for text, title in ((SEVEN, "SYSTEM_SERVICE"), (ELEVEN, "DRIVER_IRQL"))]
    assert len(dumps("\n".join(parts))) == 2


def test_what_is_quoted_again_is_no_other_log() -> None:
    quoted = "\n".join(["As you see:", *SEVEN.split("FOLLOWUP_IP:")[1].split("\n")])
    assert len(dumps(SEVEN + quoted)) == 1
    assert len(dumps(SEVEN + SEVEN)) == 1


def test_the_number_of_logs_is_limited() -> None:
    one = SEVEN[SEVEN.index("SYSTEM_SERVICE") :]
    found = dumps("\n".join(one.replace("slowflt", f"slow{number}") for number in range(70)))
    assert len(found) == 64
    assert any(gap.what == "more logs in this file" for gap in found[-1].gaps)


# --- what stands around the analysis ---


def test_a_prompt_ends_a_field() -> None:
    text = ARM64[: ARM64.index("EXCEPTION_RECORD")] + "FAILURE_BUCKET_ID:  AV_padpro!PadWrite\n\n1: kd> .exr -1\n"
    text += ARM64[ARM64.index("ExceptionAddress") : ARM64.index("CONTEXT:")]
    exception = crash(text).machine.exception
    assert exception is not None
    assert exception.address == 0xFFFFF803C8072980


def test_a_live_debugger() -> None:
    stop = "\n*** Fatal System Error: 0x000000c4\n   (0x0000000000020005,0xFFFFF88000E16F50,0x0,0x0)\n\n"
    text = stop + "Break instruction exception - code 80000003 (first chance)\n" + SEVEN[SEVEN.index("FAULTING_IP") :]
    check = crash(text.replace("BUGCHECK_STR:  0x3B", "")).bugcheck
    assert check is not None
    assert check.code == 0xC4
    assert [parameter.value for parameter in check.parameters] == [0x20005, 0xFFFFF88000E16F50, 0, 0]


def test_the_exception_a_console_told() -> None:
    text = USER.replace("EXCEPTION_CODE: (NTSTATUS) 0xc0000005", "").split("FAULTING_IP:")[0]
    text += "FOLLOWUP_IP:\nnotebook+1234\n00401234 8b11            mov     edx,dword ptr [ecx]\n"
    machine = crash(text).machine
    assert machine.exception is not None
    assert (machine.exception.code, machine.exception.address) == (0xC0000005, 0x7C90EB94)


def test_a_title_is_none_of_statuses() -> None:
    check = crash("STATUS_ACCESS_VIOLATION (c0000005)\n" + SEVEN).bugcheck
    assert check is not None
    assert check.code == 0x3B


def test_stack_lines_of_a_k_command_alone() -> None:
    stack = XP[XP.index("STACK_TEXT:") : XP.index("STACK_COMMAND")].replace(
        "STACK_TEXT:", "ChildEBP RetAddr  Args to Child"
    )
    text = XP[: XP.index("Debugging Details")] + "kd> kb\n" + stack + "kd> kv\n" + stack
    log = crash(text).dump.log
    assert log is not None
    assert len(log.frames) == 11


def test_an_exception_told_within_a_field_is_no_event() -> None:
    # found by fuzzing: the line belongs to the field, and no line outside fields tells of the exception
    text = "FOLLOWUP_IP:\nnotebook+1234\n(1.2): Access violation - code c0000005\nSTACK_TEXT:\n"
    text += USER[USER.index("0012f790") : USER.index("STACK_COMMAND")]
    [dump] = dumps(text)
    assert Machine(dump).exception is None


def test_a_name_cut_in_its_offset() -> None:
    # found by fuzzing: what is left of an offset is no number
    text = ELEVEN.replace("nt!KiPageFault+0x474", "nt!KiPageFault+0x").replace("netquick+0x1e40:", "netquick+0x0xx9d:")
    log = crash(text).dump.log
    assert log is not None
    assert "KiPageFault" in [frame.function for frame in log.frames]


def test_many_fields_cost_no_more_than_their_number() -> None:
    text = SEVEN + "".join(f"NOTE_{number}: 1\n" for number in range(10_000))
    log = crash(text).dump.log
    assert log is not None
    assert len(log.fields) == 4096


def test_no_offset_is_invented_where_a_log_tells_no_base() -> None:
    modules = crash(ARM64).modules
    driver = modules.named("padpro")
    assert driver is not None
    assert modules.resolve(0xFFFFF803C8072980) == "padpro!PadWrite+0x20"
    assert modules.resolve(0xFFFFF803C8072984) == "padpro"  # in the place that covers what was seen, at no known offset
    assert crash(XP).modules.resolve(0xF7A41C26) == "quietdrv+0x1c26"
