"""Writes arm64_cases.s: one function per canonical frame of "ARM64 exception handling", and assembler-only frames.

Functions whose name begins with `packed_by_hand` get a .pdata record that is written here as a number, from the
documentation's field list; all others get what clang's assembler makes of the .seh_ directives (packed where it can).
Run: python gen_arm64_cases.py > arm64_cases.s
"""

from __future__ import annotations

import sys

LINES: list[str] = []
CALLS: list[str] = []


def emit(*lines: str) -> None:
    LINES.extend(lines)


def body(registers: int, calls: bool) -> None:
    for number in range(registers):
        emit(f"    mov x{19 + number}, #{number + 1}")
    emit("    bl mark" if calls else "    nop", "    nop")


def canonical(
    name: str, reg_i: int, reg_f: int, cr: int, local: int, homes: bool = False, by_hand: bool = False
) -> None:
    """Emit prologue, body and epilogue as the table of the documentation demands. Sizes in bytes."""
    int_size = 8 * reg_i + (8 if cr == 1 else 0)
    float_count = reg_f + 1 if reg_f else 0
    save = int_size + 8 * float_count + (64 if homes else 0) + 15 & ~15
    steps: list[tuple[str, str, str]] = []  # instruction, directive, instruction that undoes it

    if cr == 2:
        steps.append(("pacibsp", ".seh_nop", "autibsp"))
    registers = [f"x{19 + n}" for n in range(reg_i)] + (["lr"] if cr == 1 else [])
    at, first = 0, True
    while registers:
        group, registers = registers[:2], registers[2:]
        index = "" if not at else f", #{at}"
        text = ", ".join(group)
        if first and group == ["x19", "lr"]:
            steps.append((f"sub sp, sp, #{save}", f".seh_stackalloc {save}", f"add sp, sp, #{save}"))
            steps.append((f"stp {text}, [sp]", ".seh_save_lrpair x19, 0", f"ldp {text}, [sp]"))
        elif first:
            store, load = ("stp", "ldp") if len(group) == 2 else ("str", "ldr")
            kind = ".seh_save_regp_x" if len(group) == 2 else ".seh_save_reg_x"
            steps.append(
                (f"{store} {text}, [sp, #-{save}]!", f"{kind} {group[0]}, {save}", f"{load} {text}, [sp], #{save}")
            )
        elif len(group) == 1:
            steps.append((f"str {text}, [sp{index}]", f".seh_save_reg {text}, {at}", f"ldr {text}, [sp{index}]"))
        else:
            kind = ".seh_save_lrpair" if group[1] == "lr" else ".seh_save_regp"
            steps.append((f"stp {text}, [sp{index}]", f"{kind} {group[0]}, {at}", f"ldp {text}, [sp{index}]"))
        first, at = False, at + 8 * len(group)
    floats = [f"d{8 + n}" for n in range(float_count)]
    while floats:
        group, floats = floats[:2], floats[2:]
        text = ", ".join(group)
        store, load = ("stp", "ldp") if len(group) == 2 else ("str", "ldr")
        kind = ".seh_save_fregp" if len(group) == 2 else ".seh_save_freg"
        if first:
            steps.append(
                (f"{store} {text}, [sp, #-{save}]!", f"{kind}_x {group[0]}, {save}", f"{load} {text}, [sp], #{save}")
            )
        else:
            steps.append((f"{store} {text}, [sp, #{at}]", f"{kind} {group[0]}, {at}", f"{load} {text}, [sp, #{at}]"))
        first, at = False, at + 8 * len(group)
    if homes:
        for number in range(4):
            pair = f"x{2 * number}, x{2 * number + 1}"
            if first:
                steps.append((f"stp {pair}, [sp, #-{save}]!", f".seh_stackalloc {save}", f"add sp, sp, #{save}"))
                first = False
            else:
                steps.append((f"stp {pair}, [sp, #{int_size + 8 * float_count + 16 * number}]", ".seh_nop", ""))
    if cr >= 2 and local <= 512:
        steps.append((f"stp x29, lr, [sp, #-{local}]!", f".seh_save_fplr_x {local}", f"ldp x29, lr, [sp], #{local}"))
        steps.append(("mov x29, sp", ".seh_set_fp", ""))
    else:
        for part in [local] if local <= 4080 else [4080, local - 4080]:
            if part:
                steps.append((f"sub sp, sp, #{part}", f".seh_stackalloc {part}", f"add sp, sp, #{part}"))
        if cr >= 2:
            steps.append(("stp x29, lr, [sp]", ".seh_save_fplr 0", "ldp x29, lr, [sp]"))
            steps.append(("mov x29, sp", ".seh_set_fp", ""))

    emit("", "    .p2align 2", f"    .globl {name}", *([] if by_hand else [f"    .seh_proc {name}"]), f"{name}:")
    for instruction, directive, _ in steps:
        emit(f"    {instruction}", *([] if by_hand else [f"    {directive}"]))
    emit(*([] if by_hand else ["    .seh_endprologue"]))
    body(reg_i, calls=cr != 0)
    emit(*([] if by_hand else ["    .seh_startepilogue"]))
    for _, directive, undo in reversed(steps):
        if undo:
            emit(f"    {undo}", *([] if by_hand else [f"    {directive}"]))
    emit(*([] if by_hand else ["    .seh_endepilogue"]), "    ret", *([] if by_hand else ["    .seh_endproc"]))
    if by_hand:
        frame = (save + local) // 16
        word = 1 | reg_f << 13 | reg_i << 16 | int(homes) << 20 | cr << 21 | frame << 23
        emit(f"{name}_end:", '    .section .pdata,"dr"', f"    .long {name}@IMGREL")
        emit(f"    .long {word:#x} + (({name}_end - {name}) / 4) * 4", "    .text")
    CALLS.append(name)


def assembler_only() -> None:
    """Frames that only .xdata describes."""
    emit("""
    .p2align 2
    .globl shrunk
    .seh_proc shrunk
shrunk:                                 // two epilogues, sp restored from x29, dynamic allocation
    stp x29, lr, [sp, #-80]!
    .seh_save_fplr_x 80
    stp x19, x20, [sp, #16]
    .seh_save_regp x19, 16
    str x23, [sp, #32]
    .seh_save_reg x23, 32
    stp d8, d9, [sp, #48]
    .seh_save_fregp d8, 48
    mov x29, sp
    .seh_set_fp
    .seh_endprologue
    sub sp, sp, #0x60
    mov x19, #1
    mov x20, #2
    mov x23, #3
    cbz x0, 1f
    bl mark
    .seh_startepilogue
    mov sp, x29
    .seh_set_fp
    ldp d8, d9, [sp, #48]
    .seh_save_fregp d8, 48
    ldr x23, [sp, #32]
    .seh_save_reg x23, 32
    ldp x19, x20, [sp, #16]
    .seh_save_regp x19, 16
    ldp x29, lr, [sp], #80
    .seh_save_fplr_x 80
    .seh_endepilogue
    ret
1:  bl mark
    nop
    .seh_startepilogue
    mov sp, x29
    .seh_set_fp
    ldp d8, d9, [sp, #48]
    .seh_save_fregp d8, 48
    ldr x23, [sp, #32]
    .seh_save_reg x23, 32
    ldp x19, x20, [sp, #16]
    .seh_save_regp x19, 16
    ldp x29, lr, [sp], #80
    .seh_save_fplr_x 80
    .seh_endepilogue
    ret
    .seh_endproc

    .p2align 2
    .globl add_fp
    .seh_proc add_fp
add_fp:                                 // frame pointer above the outgoing area, r19r20_x, save_next, a large allocation
    stp x19, x20, [sp, #-64]!
    .seh_save_r19r20_x 64
    stp x21, x22, [sp, #16]
    .seh_save_next
    stp x23, x24, [sp, #32]
    .seh_save_next
    stp x29, lr, [sp, #48]
    .seh_save_fplr 48
    add x29, sp, #48
    .seh_add_fp 48
    sub sp, sp, #0x11, lsl #12
    .seh_stackalloc 0x11000
    .seh_endprologue
    mov x19, #1
    mov x20, #2
    mov x21, #3
    mov x22, #4
    mov x23, #5
    mov x24, #6
    bl mark
    .seh_startepilogue
    add sp, sp, #0x11, lsl #12
    .seh_stackalloc 0x11000
    ldp x29, lr, [sp, #48]
    .seh_save_fplr 48
    ldp x23, x24, [sp, #32]
    .seh_save_next
    ldp x21, x22, [sp, #16]
    .seh_save_next
    ldp x19, x20, [sp], #64
    .seh_save_r19r20_x 64
    .seh_endepilogue
    ret
    .seh_endproc

    .p2align 2
    .globl tail
    .seh_proc tail
tail:                                   // a tail call instead of a return
    str lr, [sp, #-16]!
    .seh_save_reg_x lr, 16
    .seh_endprologue
    bl mark
    .seh_startepilogue
    ldr lr, [sp], #16
    .seh_save_reg_x lr, 16
    .seh_endepilogue
    b mark
    .seh_endproc

    .p2align 2
    .globl trapped
    .seh_proc trapped
trapped:
    stp x29, lr, [sp, #-32]!
    .seh_save_fplr_x 32
    str x19, [sp, #16]
    .seh_save_reg x19, 16
    mov x29, sp
    .seh_set_fp
    .seh_endprologue
    mov x19, #0x123
    brk #1                              // the test enters handler_machine here
    brk #2                              // … and handler_trap here
    nop
    .seh_startepilogue
    ldr x19, [sp, #16]
    .seh_save_reg x19, 16
    ldp x29, lr, [sp], #32
    .seh_save_fplr_x 32
    .seh_endepilogue
    ret
    .seh_endproc

    .p2align 2
    .globl handler_machine
    .seh_proc handler_machine
handler_machine:                        // sp points at a machine frame: sp, pc
    .seh_pushframe
    sub sp, sp, #32
    .seh_stackalloc 32
    stp x29, lr, [sp, #16]
    .seh_save_fplr 16
    .seh_endprologue
    mov x29, #0
    bl mark
    ldp x29, lr, [sp, #16]
    add sp, sp, #32
    eret
    .seh_endproc

    .p2align 2
    .globl handler_trap
    .seh_proc handler_trap
handler_trap:                           // sp points at a KTRAP_FRAME the test filled
    .seh_trap_frame
    sub sp, sp, #32
    .seh_stackalloc 32
    .seh_endprologue
    mov x29, #0
    bl mark
    add sp, sp, #32
    eret
    .seh_endproc""")
    CALLS.extend(["shrunk", "add_fp", "tail", "trapped"])


def main() -> None:
    emit("    .text", "    .globl mark", "    .p2align 2", "mark:", "    add x0, x0, #1", "    ret")
    emit("    .globl __chkstk", "__chkstk:", "    ret")
    for cr in (0, 1, 3):
        for reg_i in (0, 1, 2, 3, 10):
            for reg_f in (0, 1, 2):
                for local in (32, 640, 4800):
                    canonical(f"frame_{cr}_{reg_i}_{reg_f}_{local}", reg_i, reg_f, cr, local)
    for cr in (0, 1, 2, 3):
        for reg_i, reg_f in ((0, 0), (1, 0), (2, 3), (3, 7), (0, 2), (5, 0)):
            for homes in (False, True):
                canonical(
                    f"packed_by_hand_{cr}_{reg_i}_{reg_f}_{int(homes)}", reg_i, reg_f, cr, 48, homes, by_hand=True
                )
    canonical("packed_by_hand_large", 4, 2, 2, 4896, by_hand=True)
    assembler_only()
    emit("", "    .p2align 2", "    .globl start", "    .seh_proc start", "start:")
    emit(
        "    stp x29, lr, [sp, #-16]!",
        "    .seh_save_fplr_x 16",
        "    mov x29, sp",
        "    .seh_set_fp",
        "    .seh_endprologue",
    )
    for name in [*CALLS, "all_o0", "all_o2"]:
        emit(f"    bl {name}")
    emit(
        "    .seh_startepilogue",
        "    ldp x29, lr, [sp], #16",
        "    .seh_save_fplr_x 16",
        "    .seh_endepilogue",
        "    ret",
        "    .seh_endproc",
    )
    emit(
        "",
        "    .data",
        "    .globl sink, fsink, _fltused",
        "    .p2align 3",
        "fsink: .quad 0",
        "sink: .long 3",
        "_fltused: .long 1",
    )
    sys.stdout.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
