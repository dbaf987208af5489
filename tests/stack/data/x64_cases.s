# Frames that compilers rarely make, with the unwind directives that describe them; AT&T syntax, clang's assembler.
    .text
    .globl __chkstk
__chkstk:
    retq

    .globl mark
mark:                                   # a leaf that everything calls
    leaq 1(%rcx), %rax
    retq

    .globl case_saved_by_mov
    .seh_proc case_saved_by_mov
case_saved_by_mov:
    subq $0x48, %rsp
    .seh_stackalloc 0x48
    movq %rbx, 0x40(%rsp)
    .seh_savereg %rbx, 0x40
    movq %r14, 0x38(%rsp)
    .seh_savereg %r14, 0x38
    movaps %xmm7, 0x20(%rsp)
    .seh_savexmm %xmm7, 0x20
    .seh_endprologue
    movl $1, %ebx
    movl $2, %r14d
    callq mark
    movaps 0x20(%rsp), %xmm7
    movq 0x38(%rsp), %r14
    movq 0x40(%rsp), %rbx
    addq $0x48, %rsp
    retq
    .seh_endproc

    .globl case_far
    .seh_proc case_far
case_far:
    pushq %rdi
    .seh_pushreg %rdi
    subq $0x90000, %rsp
    .seh_stackalloc 0x90000
    movq %rsi, 0x88000(%rsp)
    .seh_savereg %rsi, 0x88000
    movaps %xmm6, 0x8ff00(%rsp)
    .seh_savexmm %xmm6, 0x8ff00
    .seh_endprologue
    xorl %esi, %esi
    xorl %edi, %edi
    callq mark
    movaps 0x8ff00(%rsp), %xmm6
    movq 0x88000(%rsp), %rsi
    addq $0x90000, %rsp
    popq %rdi
    retq
    .seh_endproc

    .globl case_frame_rbp
    .seh_proc case_frame_rbp
case_frame_rbp:
    pushq %rbp
    .seh_pushreg %rbp
    pushq %rdi
    .seh_pushreg %rdi
    subq $0x58, %rsp
    .seh_stackalloc 0x58
    leaq 0x20(%rsp), %rbp
    .seh_setframe %rbp, 0x20
    movq %r15, 0x10(%rbp)
    .seh_savereg %r15, 0x30
    .seh_endprologue
    subq $0x140, %rsp
    xorl %r15d, %r15d
    movl $7, %edi
    callq mark
    movq 0x10(%rbp), %r15
    leaq 0x38(%rbp), %rsp
    popq %rdi
    popq %rbp
    retq
    .seh_endproc

    .globl case_frame_r12
    .seh_proc case_frame_r12
case_frame_r12:
    pushq %r12
    .seh_pushreg %r12
    subq $0x120, %rsp
    .seh_stackalloc 0x120
    leaq 0xf0(%rsp), %r12
    .seh_setframe %r12, 0xf0
    .seh_endprologue
    subq $0x40, %rsp
    callq mark
    leaq 0x30(%r12), %rsp
    popq %r12
    retq
    .seh_endproc

    .globl case_frame_r13
    .seh_proc case_frame_r13
case_frame_r13:
    pushq %r13
    .seh_pushreg %r13
    subq $0x400, %rsp
    .seh_stackalloc 0x400
    leaq 0x80(%rsp), %r13
    .seh_setframe %r13, 0x80
    .seh_endprologue
    subq $0x20, %rsp
    callq mark
    leaq 0x380(%r13), %rsp
    popq %r13
    retq
    .seh_endproc

    .globl case_many_pushes
    .seh_proc case_many_pushes
case_many_pushes:
    pushq %rbx
    .seh_pushreg %rbx
    pushq %rbp
    .seh_pushreg %rbp
    pushq %rsi
    .seh_pushreg %rsi
    pushq %rdi
    .seh_pushreg %rdi
    pushq %r12
    .seh_pushreg %r12
    pushq %r13
    .seh_pushreg %r13
    pushq %r14
    .seh_pushreg %r14
    pushq %r15
    .seh_pushreg %r15
    subq $0x28, %rsp
    .seh_stackalloc 0x28
    .seh_endprologue
    xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    callq mark
    addq $0x28, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    rep
    retq
    .seh_endproc

# Two fragments chained to their parent, and a row that refers to another row: written by hand, since the assembler's
# .seh_startchained leaves the parent's range overlapping the fragment's.
    .globl case_chained
case_chained:
    pushq %rbx
    subq $0x40, %rsp
chained_body:
    xorl %ebx, %ebx
    callq mark
fragment_saving:
    movq %rsi, 0x38(%rsp)
saved_rsi:
    movq %rdi, 0x30(%rsp)
saved_rdi:
    xorl %esi, %esi
    xorl %edi, %edi
    callq mark
    jmp fragment_far                    # to another part of the same function: the frame stays
fragment_saving_end:
after_fragment:
    xorl %ebx, %ebx
    callq mark
    addq $0x40, %rsp
    popq %rbx
    retq
chained_end:
    int3
fragment_far:                           # entered with rsi and rdi saved
    callq mark
    movq 0x30(%rsp), %rdi
    movq 0x38(%rsp), %rsi
    jmp after_fragment
fragment_far_end:
    .section .pdata,"dr"
    .long case_chained@IMGREL, fragment_saving@IMGREL, chained_info@IMGREL
    .long fragment_saving@IMGREL, fragment_saving_end@IMGREL, saving_info@IMGREL
    .long after_fragment@IMGREL, chained_end@IMGREL, indirect_row@IMGREL + 1
    .long fragment_far@IMGREL, fragment_far_end@IMGREL, far_info@IMGREL
    .section .xdata,"dr"
    .p2align 2
chained_info:
    .byte 1, chained_body - case_chained, 2, 0
    .byte chained_body - case_chained, 0x72, 1, 0x30
saving_info:
    .byte 1 | 4 << 3, saved_rdi - fragment_saving, 4, 0
    .byte saved_rdi - fragment_saving, 0x74, 6, 0, saved_rsi - fragment_saving, 0x64, 7, 0
    .long case_chained@IMGREL, fragment_saving@IMGREL, chained_info@IMGREL
far_info:                               # its own prologue ran elsewhere: two chains to the primary function
    .byte 1 | 4 << 3, 0, 0, 0
    .long fragment_saving@IMGREL, fragment_saving_end@IMGREL, saving_info@IMGREL
indirect_row:
    .long after_fragment@IMGREL, chained_end@IMGREL, rest_info@IMGREL
rest_info:
    .byte 1 | 4 << 3, 0, 0, 0
    .long case_chained@IMGREL, fragment_saving@IMGREL, chained_info@IMGREL
    .text

    .globl case_tail_direct
    .seh_proc case_tail_direct
case_tail_direct:
    pushq %rbx
    .seh_pushreg %rbx
    subq $0x20, %rsp
    .seh_stackalloc 0x20
    .seh_endprologue
    xorl %ebx, %ebx
    callq mark
    addq $0x20, %rsp
    popq %rbx
    jmp case_saved_by_mov
    .seh_endproc

    .globl case_tail_register
    .seh_proc case_tail_register
case_tail_register:
    subq $0x28, %rsp
    .seh_stackalloc 0x28
    .seh_endprologue
    callq mark
    leaq mark(%rip), %rax
    addq $0x28, %rsp
    rex64 jmpq *%rax
    .seh_endproc

    .globl case_tail_memory
    .seh_proc case_tail_memory
case_tail_memory:
    subq $0x28, %rsp
    .seh_stackalloc 0x28
    .seh_endprologue
    callq mark
    addq $0x28, %rsp
    jmpq *mark_pointer(%rip)
    .seh_endproc

    .globl case_pop_in_body
    .seh_proc case_pop_in_body
case_pop_in_body:                       # an addition and a jump in the body that are no epilogue
    pushq %rbp
    .seh_pushreg %rbp
    movq %rsp, %rbp
    .seh_setframe %rbp, 0
    .seh_endprologue
    subq $0x40, %rsp
    callq mark
    addq $0x20, %rsp
    jmp 1f
    nop
1:  callq mark
    movq %rbp, %rsp
    popq %rbp
    retq
    .seh_endproc

    .globl case_trap
    .seh_proc case_trap
case_trap:
    pushq %rbx
    .seh_pushreg %rbx
    subq $0x20, %rsp
    .seh_stackalloc 0x20
    .seh_endprologue
    movl $0x1234, %ebx
    int3                                # the test enters handler_plain here
    ud2                                 # … and handler_code here
    callq mark
    addq $0x20, %rsp
    popq %rbx
    retq
    .seh_endproc

    .globl handler_plain
    .seh_proc handler_plain
handler_plain:
    .seh_pushframe
    pushq %rax                          # stands where an error code would
    .seh_stackalloc 8
    pushq %rbp
    .seh_pushreg %rbp
    subq $0x158, %rsp
    .seh_stackalloc 0x158
    leaq 0x80(%rsp), %rbp
    .seh_setframe %rbp, 0x80
    .seh_endprologue
    movq %rax, -0x50(%rbp)
    movq %rcx, -0x48(%rbp)
    callq mark
    movq 0xd8(%rbp), %rbp
    addq $0x168, %rsp
    iretq
    .seh_endproc

    .globl handler_code
    .seh_proc handler_code
handler_code:
    .seh_pushframe @code
    pushq %rbp
    .seh_pushreg %rbp
    subq $0x158, %rsp
    .seh_stackalloc 0x158
    leaq 0x80(%rsp), %rbp
    .seh_setframe %rbp, 0x80
    .seh_endprologue
    callq mark
    movq 0xd8(%rbp), %rbp
    addq $0x168, %rsp
    iretq
    .seh_endproc

    .globl start
    .seh_proc start
start:
    pushq %rsi
    .seh_pushreg %rsi
    subq $0x20, %rsp
    .seh_stackalloc 0x20
    .seh_endprologue
    callq case_saved_by_mov
    callq case_far
    callq case_frame_rbp
    callq case_frame_r12
    callq case_frame_r13
    callq case_many_pushes
    callq case_chained
    callq case_tail_direct
    callq case_tail_register
    callq case_tail_memory
    callq case_pop_in_body
    callq case_trap
    callq all_o0
    callq all_o2
    nop
    addq $0x20, %rsp
    popq %rsi
    retq
    .seh_endproc

    .data
    .globl sink, fsink, _fltused
sink: .long 3
_fltused: .long 1
fsink: .quad 0
mark_pointer: .quad mark
