; The boot code of the master boot record: starts the boot sector of the one active partition.
;
; Assembled with: nasm -f bin -o mbr.bin mbr.asm
; The result has 440 bytes, the part of sector 0 before the disk signature; nothing else of the sector is ever written.
; It is for disks with sectors of 512 bytes: a BIOS starts no others.
;
; Contract, as BIOS and boot sectors have it since the PC/XT (and as "BIOS Boot Specification" 1.01 sums it up):
;   in    CS:IP is linear 7C00h, where the BIOS has read sector 0; DL is its number of the drive
;   out   0000:7C00h with the first sector of the active partition, DL as it was, DS:SI (and DS:BP) at the partition's
;         entry in the copy of the table at 0000:07BEh, DS = ES = SS = 0, SP = 7C00h
;   fail  a line on the screen, a wait for a key, then int 18h: the BIOS may try its next device
;
; The entry's address is its 32-bit start sector.  It is read with the EDD functions of int 13h (AH = 42h) where the BIOS
; has them, and else by cylinder, head and sector, computed from the geometry that the BIOS reports (AH = 08h): the
; addresses of that kind in the table are those of whoever partitioned the disk.

        bits    16
        cpu     386
        org     600h

LOADED          equ     7c00h
RELOCATED       equ     $$
ENTRIES         equ     RELOCATED + 1beh
ENTRY_BYTES     equ     16
START_SECTOR    equ     8               ; in an entry
TRIES           equ     5

start:
        cli
        xor     ax, ax
        mov     ss, ax
        mov     sp, LOADED
        sti
        mov     ds, ax
        mov     es, ax
        cld
        mov     si, LOADED
        mov     di, RELOCATED
        mov     cx, 512 / 2
        rep movsw
        jmp     0:find                  ; some BIOSes begin at 07C0:0000

; ---- exactly one entry is marked 80h and the others 00h

find:
        mov     si, ENTRIES
        mov     cx, 4
        xor     bp, bp                  ; the active entry
.next:
        mov     al, [si]
        test    al, al
        jz      .skip
        mov     di, bad_table
        cmp     al, 80h
        jne     fail
        mov     di, many_active
        test    bp, bp
        jnz     fail
        mov     bp, si
.skip:
        add     si, ENTRY_BYTES
        loop    .next
        mov     di, none_active
        test    bp, bp
        jz      fail
        mov     eax, [bp + START_SECTOR]
        mov     di, bad_table
        test    eax, eax                ; sector 0 is this code: it would start itself for ever
        jz      fail
        mov     [packet.sector], eax

; ---- its first sector

        mov     di, TRIES
.read:
        call    read_sector
        jnc     .check
        xor     ax, ax                  ; reset the drive
        int     13h
        dec     di
        jnz     .read
        mov     di, read_error
        jmp     fail
.check:
        mov     di, no_signature
        cmp     word [LOADED + 510], 0aa55h
        jne     fail
        mov     si, bp
        jmp     sp                      ; which is 7C00h, and CS is 0

; Read the sector of the packet to 0000:7C00h.  DL, BP and DI are kept; carry tells of an error.
read_sector:
        mov     ah, 41h                 ; are there the functions of EDD?
        mov     bx, 55aah
        int     13h                     ; changes DH, but not DL
        jc      .by_geometry
        cmp     bx, 0aa55h
        jne     .by_geometry
        test    cl, 1                   ; those that take a packet
        jz      .by_geometry
        mov     si, packet
        mov     word [si + 2], 1        ; a failed read leaves the number of sectors that were read
        mov     ah, 42h
        int     13h
        ret
.by_geometry:
        push    dx
        push    di
        push    es
        mov     ah, 8
        int     13h
        pop     es
        pop     di
        jc      .no_geometry
        movzx   eax, dh                 ; the last head
        inc     ax
        and     cx, 3fh                 ; sectors of a track
        jz      .no_geometry
        mul     cx                      ; at most 256 * 63
        movzx   ebx, ax
        mov     eax, [packet.sector]
        xor     edx, edx
        div     ebx                     ; EAX: cylinder, EDX: sector in the cylinder
        cmp     eax, 1023
        ja      .no_geometry
        xchg    ax, dx
        div     cl                      ; AL: head, AH: sector from 0
        mov     ch, dl                  ; low bits of the cylinder
        mov     cl, dh
        shl     cl, 6                   ; its bits 8 and 9
        inc     ah
        or      cl, ah
        pop     dx
        mov     dh, al
        mov     bx, LOADED
        mov     ax, 0201h
        int     13h
        ret
.no_geometry:
        pop     dx
        stc
        ret

; ---- DI: why not

fail:
        mov     si, prefix
        call    print
        mov     si, di
        call    print
        mov     si, suffix
        call    print
        xor     ax, ax
        int     16h
        int     18h
.halt:
        hlt
        jmp     .halt

print:
        lodsb
        test    al, al
        jz      .done
        mov     ah, 0eh
        mov     bx, 7
        int     10h
        jmp     print
.done:
        ret

prefix          db      13, 10, "MBR: ", 0
suffix          db      ". Press a key.", 13, 10, 0
none_active     db      "no active partition", 0
many_active     db      "more than one active partition", 0
bad_table       db      "bad partition table", 0
read_error      db      "read error", 0
no_signature    db      "active partition has no boot sector", 0

        align   4, db 0
packet:         db      16, 0
                dw      1
                dw      LOADED, 0
.sector         dq      0

; An error here is more code than there is room for.
        times   440 - ($ - $$) db 0
