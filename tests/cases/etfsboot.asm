; A stand-in for etfsboot.com of Windows: says on COM1 whether a BIOS has loaded all of it, and ends QEMU.
;
; Assembled with: nasm -f bin -o etfsboot.com etfsboot.asm
; It is entered at 07C0:0000 or 0000:7C00 with eight sectors of 512 bytes in memory.  It prints ALL8, which is the end of
; the last of them, and leaves by isa-debug-exit with QEMU's exit code 33.

        bits    16
        cpu     386
        org     7c00h

COM1    equ     3f8h

        xor     ax, ax
        mov     ds, ax
        mov     si, last
        mov     cx, 4
.next:
        lodsb
        mov     bl, al
        mov     dx, COM1 + 5
.wait:
        in      al, dx
        test    al, 20h
        jz      .wait
        mov     dx, COM1
        mov     al, bl
        out     dx, al
        loop    .next
        mov     al, 10h
        out     0f4h, al
.stay:
        hlt
        jmp     .stay

        times   4092 - ($ - $$) db 0
last:   db      "ALL8"
