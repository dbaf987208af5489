# Functions of the shapes old FPO records describe, as MSVC 6 to 8 wrote them. The records are in frames.json ("fpo").
# Each line that a function begins or ends at has a label; build.py makes the table of records from the labels.
    .text
    .intel_syntax noprefix
    .globl _start
_start:
    push    ebp
    mov     ebp, esp
    push    1
    call    fpo_saved
    push    6
    push    5
    call    nonfpo
    call    hotpatch
    mov     esp, ebp
    pop     ebp
    ret
_start_end:

# FPO, 0x18 bytes of locals, two saved registers, one argument, stdcall.
fpo_saved:
    sub     esp, 0x18
    push    esi
    push    edi
    mov     esi, [esp+0x24]
    lea     edi, [esi+4]
    mov     [esp+8], esi
    push    edi
    push    esi
    call    cdecl_leaf
    add     esp, 8
    push    eax
    call    fpo_ebp
    pop     edi
    pop     esi
    add     esp, 0x18
    ret     4
fpo_saved_end:

# FPO that uses ebp as a general register, no locals.
fpo_ebp:
    push    ebx
    push    ebp
    mov     ebp, 0x1234
    mov     ebx, [esp+12]
    push    ebx
    push    ebp
    call    cdecl_leaf
    add     esp, 8
    pop     ebp
    pop     ebx
    ret     4
fpo_ebp_end:

# Neither locals nor saved registers.
cdecl_leaf:
    mov     eax, [esp+4]
    add     eax, [esp+8]
    ret
cdecl_leaf_end:

# A frame pointer, locals, all registers saved, two arguments, stdcall.
nonfpo:
    push    ebp
    mov     ebp, esp
    sub     esp, 0x10
    push    ebx
    push    esi
    push    edi
    mov     eax, [ebp+8]
    mov     [ebp-4], eax
    push    dword ptr [ebp+12]
    push    eax
    call    cdecl_leaf
    add     esp, 8
    pop     edi
    pop     esi
    pop     ebx
    leave
    ret     8
nonfpo_end:

# The two-byte no-operation that hot patching replaces stands before the frame is made.
hotpatch:
    mov     edi, edi
    push    ebp
    mov     ebp, esp
    push    ecx
    push    2
    push    3
    call    cdecl_leaf
    add     esp, 8
    pop     ecx
    pop     ebp
    ret
hotpatch_end:
