; What a PC starts in the place of wimboot: says on COM1 that it runs, and ends QEMU with the exit code 33.
;
; Assembled with: nasm -f bin -o wimboot netprogram.asm
; iPXE takes it for a boot program of PXE and enters it at 0000:7C00.

        bits    16
        cpu     386
        org     7c00h

        cli
        xor     ax, ax
        mov     ds, ax
        mov     si, text
print:  lodsb
        test    al, al
        jz      leave
        mov     ah, al
        mov     dx, 3fdh                ; the line status of COM1: wait until it takes a character
ready:  in      al, dx
        test    al, 20h
        jz      ready
        mov     al, ah
        mov     dx, 3f8h
        out     dx, al
        jmp     print
leave:  mov     al, 10h
        mov     dx, 0f4h
        out     dx, al
        hlt

text:   db      "NETWORK PROGRAM RUNS", 13, 10, 0
        times   512 - ($ - $$) db 0
