; The boot code of an NTFS volume: loads \bootmgr, the boot manager of Windows, from the root directory and starts it.
;
; Assembled with: nasm -f bin -I ./ -o ntfs.bin ntfs.asm
; ntfs-ntldr.asm is the same for \ntldr, which is entered as \bootmgr is.
; The result is the beginning of the file $Boot, which fills the first 16 sectors of the volume: whoever writes it keeps
; the bytes 03h to 53h of the first sector, which describe the volume.
;
; Contract:
;   in    CS:IP is linear 7C00h, where sector 0 has been read; DL is the BIOS number of the drive
;   out   2000:0000h with all of \bootmgr there, DL as it was, the boot sector at 0000:7C00h with the number of the drive
;         at 7C24h, DS = ES = SS = 0, SP = BP = 7C00h
;   fail  a line on the screen, a wait for a key, then int 18h: the BIOS may try its next device
;
; Sources of the structures: R. Russon and Y. Fledel, "NTFS Documentation" (the Linux-NTFS project), and the headers of
; libntfs-3g (layout.h).  Sectors have 512 bytes.  HiddenSectors must be the number of the volume's first sector.
;
; The file is looked for in all blocks of the root directory's index, one after the other, and not by its order: so the
; table of upper-case letters is not needed.  A block may be one that is no longer in use, with an entry of a file that is
; gone; an entry counts when the file's record has the sequence number that the entry names.  Index and file may be
; anywhere and in many runs, as long as all runs of each are in one record; when they are not, and when the file is
; compressed, that is said.  Of the MFT the runs in its first record are its beginning, and enough.
;
; Memory: 7C00h this code, 9000h a record that a list of attributes names, A000h the record of the MFT, B000h of the root
; directory, C000h of a file, D000h a block of the index, F000h a list of attributes, 20000h the file.

        bits    16
        cpu     386
        org     7c00h

%ifndef LOADER
%define LOADER "BOOTMGR"                ; in upper case: the name in the root directory
%endif

CODE_SECTOR     equ     1               ; of the volume: where the rest of this code is
CODE_SECTORS    equ     3
MFT_RECORD      equ     0a000h
ROOT_RECORD     equ     0b000h
FILE_RECORD     equ     0c000h
INDEX_BLOCK     equ     0d000h
EXTENSION       equ     9000h
LIST            equ     0f000h
MOST_BLOCK      equ     2000h           ; bytes of a block of an index
MOST_RECORD     equ     1000h           ; bytes of a record
MOST_LIST       equ     1000h           ; bytes of a list of attributes
BOOTMGR_SEGMENT equ     2000h

; Fields of the boot sector, from BP on.
SecPerClus      equ     0dh             ; above 128: 2 to the power of 256 less this
DrvNum          equ     24h
MftLcn          equ     30h
PerRecord       equ     40h             ; clusters of a record; negative: 2 to the power of minus this bytes

; A record of the MFT and a block of an index.
UsaOffset       equ     4
UsaCount        equ     6
Sequence        equ     10h
FirstAttribute  equ     14h
RecordFlags     equ     16h             ; 1 in use, 2 a directory
BlockHeader     equ     18h

; An attribute.
Type            equ     0
Length          equ     4
NonResident     equ     8
NameLength      equ     9
AttributeFlags  equ     0ch             ; 1 compressed, 4000h encrypted, 8000h sparse
ValueLength     equ     10h             ; of a resident one
ValueOffset     equ     14h
RunsOffset      equ     20h             ; of one that is not
DataSize        equ     30h
TYPE_LIST       equ     20h
TYPE_DATA       equ     80h
TYPE_ROOT       equ     90h
TYPE_ALLOCATION equ     0a0h
TYPE_END        equ     0ffffffffh

; An entry of a list of attributes.
ListLength      equ     4
ListNameLength  equ     6
ListVcn         equ     8
ListRecord      equ     10h

; An entry of an index of names.
EntryLength     equ     8
EntryFlags      equ     0ch             ; 2: the last one, without a name
EntryNameLength equ     50h
EntryName       equ     52h

        jmp     short start
        nop
        times   54h - ($ - $$) db 0     ; the description of the volume

%include "sector0.inc"

; ---- the second sector of the volume, and what follows

more:
        push    ds
        pop     es
        movzx   ecx, byte [bp + SecPerClus]
        cmp     cl, 128
        jbe     .cluster
        neg     cl
        mov     eax, 1
        shl     eax, cl
        mov     ecx, eax
.cluster:
        mov     [cluster_sectors], ecx
        mov     al, [bp + PerRecord]
        test    al, al
        js      .power
        movzx   eax, al
        mul     ecx
        jmp     .sectors
.power:
        neg     al
        mov     cl, al
        sub     cl, 9
        mov     di, unsupported
        jb      fail
        mov     eax, 1
        shl     eax, cl
.sectors:
        mov     di, unsupported
        dec     eax
        cmp     eax, MOST_RECORD / 512
        jae     fail                    ; 0 as well
        inc     eax
        mov     [record_sectors], eax

; ---- the first record of the MFT, which is that of the MFT, and from there the record of the root directory

        mov     eax, [bp + MftLcn]
        mul     dword [cluster_sectors]
        add     eax, [bp + HiddSec]
        mov     cx, [record_sectors]
        push    word MFT_RECORD >> 4
        pop     es
        call    read_sectors
        mov     bx, MFT_RECORD
        call    check_record
        mov     eax, TYPE_DATA
        mov     dl, 0
        call    find_attribute
        mov     di, damaged
        jc      fail
        cmp     byte [si + NonResident], 0
        je      fail
        mov     [mft_data], si
        mov     eax, 5                  ; the root directory
        mov     bx, ROOT_RECORD
        call    read_record

; ---- the part of its index that is in the record, then the blocks of the rest

        mov     eax, TYPE_ROOT
        mov     dl, 4                   ; "$I30"
        call    locate
        mov     di, damaged
        jc      fail
        add     si, [si + ValueOffset]
        mov     eax, [si + 8]           ; bytes of a block
        mov     [block_bytes], eax
        add     si, 10h
        lea     di, [bx + MOST_RECORD]
        call    search
        mov     bx, ROOT_RECORD
        mov     eax, TYPE_ALLOCATION
        mov     dl, 4
        call    locate
        jc      absent
        mov     [allocation], si
        mov     eax, [block_bytes]
        mov     di, unsupported
        test    eax, 1ffh
        jnz     fail
        test    eax, eax
        jz      fail
        cmp     eax, MOST_BLOCK
        ja      fail
        shr     eax, 9
        mov     [block_sectors], eax
        mov     eax, [si + DataSize]
        shr     eax, 9
        mov     [index_sectors], eax
        xor     eax, eax                ; the sector of the index
.block:
        mov     ebx, eax
        add     ebx, [block_sectors]
        cmp     ebx, [index_sectors]
        ja      absent
        push    ebx
        mov     si, [allocation]
        mov     cx, [block_sectors]
        push    word INDEX_BLOCK >> 4
        pop     es
        call    read_attribute
        mov     bx, INDEX_BLOCK
        cmp     dword [bx], "INDX"
        jne     .other
        mov     cx, [block_sectors]
        call    fix_up
        jc      .other
        mov     si, INDEX_BLOCK + BlockHeader
        mov     di, INDEX_BLOCK
        add     di, [block_bytes]
        call    search
.other:
        pop     eax
        jmp     .block
absent:
        mov     di, not_there
        jmp     fail

; ---- SI: the header of entries of an index, DI: the end of what they can be in; starts the file when its entry is
;      there, and returns when it is not

search:
        mov     bx, si
        add     bx, [si + 4]            ; the end of the entries
        jc      .done
        cmp     bx, di
        ja      .done
        mov     di, bx
        add     si, [si]
        jc      .done
.entry:
        lea     bx, [si + 10h]
        cmp     bx, di
        ja      .done
        test    byte [si + EntryFlags], 2
        jnz     .done
        cmp     byte [si + EntryNameLength], NAME_LETTERS
        jne     .next
        mov     cx, NAME_LETTERS
        mov     bx, name
        push    si
        add     si, EntryName
.letter:
        lodsw
        and     ax, 0ffdfh              ; the upper case of a letter
        xor     al, [bx]
        inc     bx
        test    ax, ax
        loopz   .letter
        pop     si
        jz      .found
.next:
        mov     ax, [si + EntryLength]
        test    ax, ax
        jz      .done
        add     si, ax
        jnc     .entry
.done:
        ret
.found:
        push    si
        push    di
        mov     eax, [si]
        mov     dx, [si + 6]            ; the sequence number
        cmp     word [si + 4], 0
        jne     .stale
        push    dx
        mov     bx, FILE_RECORD
        call    read_record
        pop     dx
        cmp     [bx + Sequence], dx
        jne     .stale
        mov     al, [bx + RecordFlags]
        and     al, 3
        cmp     al, 1                   ; in use, and no directory
        je      load
.stale:
        pop     di
        pop     si
        jmp     .next

; ---- load the file whose record is at FILE_RECORD

load:
        mov     eax, TYPE_DATA
        mov     dl, 0
        call    locate
        mov     di, damaged
        jc      fail
        mov     di, compressed
        cmp     word [si + AttributeFlags], 0
        jne     fail
        push    word BOOTMGR_SEGMENT
        pop     es
        cmp     byte [si + NonResident], 0
        jne     .runs
        mov     cx, [si + ValueLength]
        mov     di, not_there
        jcxz    .fail
        add     si, [si + ValueOffset]
        xor     di, di
        rep movsb
        jmp     .start
.runs:
        int     12h                     ; AX: KiB of memory
        movzx   eax, ax
        shl     eax, 10
        sub     eax, BOOTMGR_SEGMENT * 16
        mov     di, too_large
        jb      .fail
        shr     eax, 9
        mov     ecx, [si + DataSize]
        cmp     dword [si + DataSize + 4], 0
        jne     .fail
        add     ecx, 511
        jc      .fail
        shr     ecx, 9
        cmp     ecx, eax
        ja      .fail
        mov     di, not_there
        jecxz   .fail
        xor     eax, eax
        call    read_attribute
.start:
        push    ds
        pop     es
        mov     sp, bp
        mov     dl, [bp + DrvNum]
        jmp     BOOTMGR_SEGMENT:0
.fail:
        jmp     fail

; ---- EAX: the number of a record, BX: where to read it; it is whole when this returns.  EAX, CX, DX, SI, DI and ES are
;      lost.

read_record:
        push    bx
        mul     dword [record_sectors]
        shr     bx, 4
        mov     es, bx
        mov     cx, [record_sectors]
        mov     si, [mft_data]
        call    read_attribute
        pop     bx

; BX: a record that was read.
check_record:
        cmp     dword [bx], "FILE"
        jne     .fail
        mov     cx, [record_sectors]
        call    fix_up
        jc      .fail
        ret
.fail:
        mov     di, damaged
        jmp     fail

; ---- BX: a record or block of CX sectors; put back the last two bytes of each, for which a number stands that tells that
;      all were written at once.  Carry when it does not.  AX, CX, SI and DI are lost.

fix_up:
        mov     ax, [bx + UsaCount]
        dec     ax
        cmp     ax, cx
        jne     .wrong
        mov     si, [bx + UsaOffset]
        cmp     si, 512 - 2 - 32        ; in the first sector
        ja      .wrong
        add     si, bx
        lea     di, [bx + 510]
        mov     dx, [si]
.sector:
        inc     si
        inc     si
        cmp     [di], dx
        jne     .wrong
        mov     ax, [si]
        mov     [di], ax
        add     di, 512
        loop    .sector
        ret
.wrong:
        stc
        ret

; ---- BX: a record, EAX: a type, DL: the length of a name; return the attribute in SI, or carry when there is none

find_attribute:
        push    bx
        push    cx
        mov     si, bx
        add     si, [bx + FirstAttribute]
        mov     cx, [record_sectors]
        shl     cx, 9
        add     bx, cx                  ; the end of the record
.next:
        mov     di, damaged
        lea     cx, [bx - 18h]
        cmp     si, cx
        ja      .none                   ; 8 bytes of an end marker need not be more
        cmp     dword [si + Type], TYPE_END
        je      .none
        cmp     [si + Type], eax
        jne     .other
        cmp     [si + NameLength], dl
        je      .done
.other:
        mov     cx, [si + Length]
        cmp     cx, 18h
        jb      fail
        add     si, cx
        jnc     .next
.none:
        stc
.done:
        pop     cx
        pop     bx
        ret

; ---- BX: a record, EAX: a type, DL: the length of a name; return the attribute in SI and its record in BX, or carry when
;      there is none.  It may be in another record, which the list of attributes names.  CX, DI and ES are lost.

locate:
        call    find_attribute
        jnc     .done
        push    eax
        push    dx
        mov     eax, TYPE_LIST
        mov     dl, 0
        call    find_attribute
        jc      .without
        mov     cx, [si + ValueLength]
        cmp     byte [si + NonResident], 0
        je      .resident
        mov     ecx, [si + DataSize]
        mov     di, fragmented
        cmp     ecx, MOST_LIST
        ja      fail
        push    cx
        add     cx, 511
        shr     cx, 9
        push    word LIST >> 4
        pop     es
        xor     eax, eax
        call    read_attribute
        pop     cx
        mov     si, LIST
        jmp     .list
.resident:
        add     si, [si + ValueOffset]
.list:
        mov     di, si
        add     di, cx                  ; the end; 0 when it is 64 KiB
        dec     di
        pop     dx
        pop     eax
.entry:
        lea     cx, [si + 18h - 1]
        cmp     cx, di
        ja      .none
        cmp     [si], eax
        jne     .next
        cmp     [si + ListNameLength], dl
        jne     .next
        cmp     dword [si + ListVcn], 0 ; the first part of it
        jne     .next
        push    eax
        push    dx
        mov     eax, [si + ListRecord]
        mov     bx, EXTENSION
        call    read_record
        pop     dx
        pop     eax
        jmp     find_attribute
.next:
        mov     cx, [si + ListLength]
        jcxz    .none
        add     si, cx
        jnc     .entry
.none:
        stc
.done:
        ret
.without:
        pop     dx
        pop     eax
        ret

; ---- SI: an attribute that is not resident, EAX: a sector of its contents, CX: how many to read from there on to ES:0.
;      EAX, CX, EDX, SI and DI are lost.

read_attribute:
        push    ebx
        mov     [wanted], eax
        mov     dword [lcn], 0
        add     si, [si + RunsOffset]
.run:
        mov     di, fragmented
        lodsb
        test    al, al                  ; the end of the runs, and more was wanted: the others are in another record
        jz      .fail
        mov     di, damaged
        mov     ah, al
        and     al, 0fh                 ; bytes of the length
        shr     ah, 4                   ; bytes of the distance from the last run
        jz      .fail                   ; a hole
        xor     dl, dl                  ; without a sign
        call    number
        mov     ebx, edx                ; clusters
        mov     al, ah
        mov     dl, 80h
        call    number
        add     [lcn], edx
        mov     eax, ebx
        mul     dword [cluster_sectors]
        mov     ebx, eax                ; sectors
        mov     eax, [wanted]
        sub     eax, ebx
        jae     .skip
        sub     ebx, [wanted]           ; how many of them from there on
        movzx   edx, cx
        cmp     ebx, edx
        jbe     .some
        mov     ebx, edx
.some:
        mov     eax, [lcn]
        mul     dword [cluster_sectors]
        add     eax, [wanted]
        add     eax, [bp + HiddSec]
        push    cx
        mov     cx, bx
        call    read_sectors
        pop     cx
        mov     ax, es
        mov     dx, bx
        shl     dx, 5                   ; in paragraphs
        add     ax, dx
        mov     es, ax
        mov     dword [wanted], 0
        sub     cx, bx
        jnz     .run
        pop     ebx
        ret
.skip:
        mov     [wanted], eax
        jmp     .run
.fail:
        jmp     fail

; ---- SI: a number of AL bytes, with the least first; DL: 80h when it has a sign, and 0 otherwise.  Return it in EDX; SI
;      is behind it.  What is above 32 bits is not looked at: no BIOS reads so far.  EDI is lost.

number:
        push    eax
        push    ebx
        push    cx
        movzx   bx, al                  ; bytes that are left
        xor     ax, ax
        xor     cl, cl                  ; bits that there are
        xor     edi, edi
        push    dx
.byte:
        test    bx, bx
        jz      .sign
        dec     bx
        movzx   eax, byte [si]
        inc     si
        cmp     cl, 32
        jae     .byte
        mov     edx, eax
        shl     edx, cl
        or      edi, edx
        add     cl, 8
        jmp     .byte
.sign:
        pop     dx
        and     al, dl                  ; the highest bit of the last byte
        jz      .done
        cmp     cl, 32
        jae     .done
        or      edx, -1
        shl     edx, cl
        or      edi, edx
.done:
        mov     edx, edi
        pop     cx
        pop     ebx
        pop     eax
        ret

name            db      LOADER
NAME_LETTERS    equ     $ - name
not_there       db      LOADER, " is not in the root directory", 0
compressed      db      LOADER, " is compressed", 0
too_large       db      LOADER, " is too large for the memory", 0
damaged         db      "the file system is damaged", 0
fragmented      db      "too fragmented", 0
unsupported     db      "unsupported size of records", 0

        align   4, db 0
cluster_sectors dd      0
record_sectors  dd      0
block_bytes     dd      0
block_sectors   dd      0
index_sectors   dd      0
wanted          dd      0
lcn             dd      0
mft_data        dw      0
allocation      dw      0

        times   512 * (1 + CODE_SECTORS) - 4 - ($ - $$) db 0
end_mark        dd      MARK
