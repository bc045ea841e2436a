; The boot code of a FAT32 volume: loads \BOOTMGR, the boot manager of Windows, from the root directory and starts it.
;
; Assembled with: nasm -f bin -I ./ -o fat32.bin fat32.asm
; fat32-ntldr.asm is the same for \NTLDR, which is entered as \BOOTMGR is.
; The result has three sectors of 512 bytes.  The first is sector 0 of the volume; whoever writes it keeps the bytes 03h
; to 59h, which describe the volume, and takes the jump and the rest.  The other two are its sectors 2 and 3: they are
; reserved sectors behind the boot sector and FSInfo, before the copy of both in sectors 6 and 7.
;
; Contract:
;   in    CS:IP is linear 7C00h, where sector 0 has been read; DL is the BIOS number of the drive
;   out   2000:0000h with all of \BOOTMGR there, DL as it was, the boot sector at 0000:7C00h with the number of the drive
;         at 7C40h, DS = ES = SS = 0, SP = BP = 7C00h
;   fail  a line on the screen, a wait for a key, then int 18h: the BIOS may try its next device
;
; Used of the volume's description (fatgen103): BPB_SecPerClus, RsvdSecCnt, NumFATs, HiddSec, FATSz32, ExtFlags, RootClus.
; HiddSec must be the number of the volume's first sector on the disk.  The file may be in any clusters, and may be as
; large as the memory from 20000h on; the directory may have as many clusters as FAT allows.
;
; Memory: 0600h the sector of the FAT that was read last, 7C00h this code, 8400h a sector of the directory, 20000h the file.

        bits    16
        cpu     386
        org     7c00h

%ifndef LOADER
%define LOADER "BOOTMGR"                ; in upper case: the name in the root directory
%endif

FAT_BUFFER      equ     600h
DIRECTORY       equ     8400h
BOOTMGR_SEGMENT equ     2000h
CODE_SECTOR     equ     2               ; of the volume: where the second and third sector of this code are
CODE_SECTORS    equ     2
ENTRY_BYTES     equ     32
MOST_SECTORS    equ     4096            ; of a directory: 65536 entries
FIRST_INVALID   equ     0ffffff7h       ; as the number of a cluster; from 0FFFFFF8h on it ends a chain

; Fields of the boot sector, from BP on.
SecPerClus      equ     0dh
RsvdSecCnt      equ     0eh
NumFATs         equ     10h
FATSz32         equ     24h
ExtFlags        equ     28h
RootClus        equ     2ch
DrvNum          equ     40h

        jmp     short start
        nop
        times   5ah - ($ - $$) db 0     ; the description of the volume

%include "sector0.inc"

; ---- sectors 2 and 3 of the volume

more:
        mov     eax, [bp + HiddSec]
        movzx   ecx, word [bp + RsvdSecCnt]
        add     eax, ecx
        mov     [fat_sector], eax
        movzx   eax, byte [bp + NumFATs]
        mul     dword [bp + FATSz32]
        add     eax, [fat_sector]
        mov     [data_sector], eax
        mov     ax, [bp + ExtFlags]
        test    al, 80h                 ; mirroring is off, and one FAT counts
        jz      .find
        and     eax, 0fh
        mul     dword [bp + FATSz32]
        add     [fat_sector], eax

; ---- the entry of BOOTMGR in the root directory

.find:
        mov     eax, [bp + RootClus]
.cluster:
        mov     di, bad_chain
        call    cluster_sector          ; EBX
        jc      fail
        movzx   cx, byte [bp + SecPerClus]
.sector:
        push    eax
        push    cx
        mov     eax, ebx
        mov     cx, 1
        push    word DIRECTORY >> 4
        pop     es
        call    read_sectors
        push    ds
        pop     es
        mov     si, DIRECTORY
.entry:
        mov     di, not_there
        cmp     byte [si], 0            ; no entry is used from here on
        je      fail
        test    byte [si + 11], 18h     ; a label, a part of a long name, or a directory
        jnz     .other
        push    si
        mov     di, name
        mov     cx, 11
        repe cmpsb
        pop     si
        je      load
.other:
        add     si, ENTRY_BYTES
        cmp     si, DIRECTORY + 512
        jb      .entry
        pop     cx
        pop     eax
        inc     ebx
        mov     di, bad_chain
        dec     word [sectors_left]     ; a chain may be a ring
        jz      fail
        loop    .sector
        call    next_cluster
        cmp     eax, FIRST_INVALID
        jbe     .cluster
        mov     di, not_there
        jmp     fail

; ---- SI: the entry

load:
        mov     di, not_there
        mov     ecx, [si + 28]          ; size in bytes
        jecxz   .fail
        int     12h                     ; AX: KiB of memory
        movzx   eax, ax
        shl     eax, 10
        sub     eax, BOOTMGR_SEGMENT * 16
        mov     di, too_large
        jb      .fail
        add     ecx, 511
        jc      .fail
        shr     ecx, 9                  ; sectors
        shr     eax, 9
        cmp     ecx, eax
        ja      .fail
        mov     ax, [si + 20]
        shl     eax, 16
        mov     ax, [si + 26]
        and     eax, 0fffffffh
        push    word BOOTMGR_SEGMENT
        pop     es
.cluster:
        mov     di, bad_chain
        call    cluster_sector          ; EBX
        jc      .fail
        push    eax
        push    cx
        movzx   ax, byte [bp + SecPerClus]
        cmp     cx, ax
        jbe     .read
        mov     cx, ax
.read:
        mov     eax, ebx
        call    read_sectors
        mov     ax, es
        mov     dx, cx
        shl     dx, 5                   ; in paragraphs
        add     ax, dx
        mov     es, ax
        pop     ax                      ; how many sectors were left
        sub     ax, cx
        mov     cx, ax
        pop     eax
        jz      .start
        push    es
        call    next_cluster
        pop     es
        jmp     .cluster
.fail:
        jmp     fail
.start:
        push    ds
        pop     es
        mov     sp, bp
        mov     dl, [bp + DrvNum]
        jmp     BOOTMGR_SEGMENT:0

; ---- EAX: a cluster; return its first sector on the disk in EBX, or carry when there is no such cluster

cluster_sector:
        cmp     eax, 2
        jb      .done
        cmp     eax, FIRST_INVALID
        cmc
        jc      .done
        push    eax
        push    edx
        sub     eax, 2
        movzx   ebx, byte [bp + SecPerClus]
        mul     ebx
        add     eax, [data_sector]
        mov     ebx, eax
        pop     edx
        pop     eax
        clc
.done:
        ret

; ---- EAX: a cluster; return in EAX the one that follows.  ES is lost.

next_cluster:
        push    ebx
        push    cx
        mov     bx, ax
        and     bx, 127                 ; entries of a sector
        shl     bx, 2
        shr     eax, 7
        cmp     eax, [cached]
        je      .there
        mov     [cached], eax
        add     eax, [fat_sector]
        mov     cx, 1
        push    word FAT_BUFFER >> 4
        pop     es
        call    read_sectors
.there:
        mov     eax, [FAT_BUFFER + bx]
        and     eax, 0fffffffh
        pop     cx
        pop     ebx
        ret

name            db      LOADER
                times   11 - ($ - name) db " "
not_there       db      LOADER, " is not in the root directory", 0
bad_chain       db      "the file system is damaged", 0
too_large       db      LOADER, " is too large for the memory", 0

        align   4, db 0
fat_sector      dd      0
data_sector     dd      0
cached          dd      0ffffffffh
sectors_left    dw      MOST_SECTORS

        times   512 * 3 - 4 - ($ - $$) db 0
end_mark        dd      MARK
