; A stand-in for the boot manager of Windows: says on COM1 how it was started, and ends QEMU.
;
; Assembled with: nasm -f bin -D SIZE=n -o BOOTMGR bootmgr.asm, where n is a multiple of 4; the test appends the rest.
; With -D NAME='"NTLDR"' it stands in for that, which is entered in the same way.
; It is entered at 2000:0000 with DL = drive and the boot sector of its volume at 0000:7C00.  It prints
;   BOOTMGR cs=2000 dl=80 hidden=00000800 oem=NTFS sum=01234567
; where sum is that of all dwords of the file as it is in memory, and leaves by isa-debug-exit with QEMU's exit code 33.

        bits    16
        cpu     386
        org     0

%ifndef NAME
%define NAME "BOOTMGR"
%endif

        mov     bl, dl
        cli
        mov     ax, cs                  ; before anything else is touched
        mov     ds, ax
        mov     si, text_cs
        call    print
        mov     ax, cs
        shl     eax, 16
        mov     cx, 4
        call    print_hex
        mov     si, text_dl
        call    print
        mov     eax, ebx
        shl     eax, 24
        mov     cx, 2
        call    print_hex
        xor     ax, ax
        mov     es, ax
        mov     si, text_hidden
        call    print
        mov     eax, [es:7c1ch]
        mov     cx, 8
        call    print_hex
        mov     si, text_oem
        call    print
        mov     di, 7c03h
.name:
        mov     al, [es:di]
        call    print_character
        inc     di
        cmp     di, 7c07h
        jb      .name
        mov     si, text_sum
        call    print
        xor     edx, edx
        mov     ecx, SIZE / 4
        mov     ax, cs
        mov     fs, ax
        xor     si, si
.add:
        add     edx, [fs:si]
        add     si, 4
        jnz     .same
        mov     ax, fs
        add     ax, 1000h
        mov     fs, ax
.same:
        dec     ecx
        jnz     .add
        mov     eax, edx
        mov     cx, 8
        call    print_hex
        mov     si, text_end
        call    print
        mov     ax, 10h                 ; exit code 2 * 16 + 1
        mov     dx, 0f4h
        out     dx, ax
.halt:
        hlt
        jmp     .halt

print:
        lodsb
        test    al, al
        jz      .done
        call    print_character
        jmp     print
.done:
        ret

; The first CX digits of EAX.
print_hex:
        rol     eax, 4
        push    eax
        and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     .digit
        add     al, 'a' - '9' - 1
.digit:
        call    print_character
        pop     eax
        loop    print_hex
        ret

print_character:
        push    dx
        push    ax
        mov     dx, 3fdh
.busy:
        in      al, dx
        test    al, 20h
        jz      .busy
        pop     ax
        mov     dx, 3f8h
        out     dx, al
        pop     dx
        ret

text_cs         db      13, 10, NAME, " cs=", 0
text_dl         db      " dl=", 0
text_hidden     db      " hidden=", 0
text_oem        db      " oem=", 0
text_sum        db      " sum=", 0
text_end        db      13, 10, 0
        align   4, db 0
