// SPDX-License-Identifier: Apache-2.0
// The recorded process: no libc, no memory of its own but four data pages. The recorder sets the
// registers and lets one of the four entries run; each ends in a breakpoint.
        .text
        .globl _start
_start:
#ifdef __x86_64__
        movb $1, d0(%rip)
        movb $1, d0+0x1000(%rip)
        movb $1, d0+0x2000(%rip)
        movb $1, d0+0x3000(%rip)
        int3
        .org 0x30
        syscall                 // 0x30: system call
        int3
        .org 0x34
        movb (%rdi), %al        // 0x34: read
        int3
        .org 0x38
        movb %sil, (%rdi)       // 0x38: write
        int3
        .org 0x3f
        nop
#else
        movb $1, d0
        movb $1, d0+0x1000
        movb $1, d0+0x2000
        movb $1, d0+0x3000
        int3
        .org 0x30
        int $0x80
        int3
        .org 0x34
        movb (%edi), %al
        int3
        .org 0x38
        movb %cl, (%edi)
        int3
        .org 0x3f
        nop
#endif
        .section .rodata
        .byte 0
        .data
d0:     .fill 0x4000, 1, 0
#ifdef BSS
        .bss
        .fill BSS, 1, 0
#endif
        .section .note.GNU-stack, "", @progbits
