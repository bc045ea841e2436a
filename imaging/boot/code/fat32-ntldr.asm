; The boot code of a FAT32 volume that starts \ntldr, the loader of Windows 2000, XP and Server 2003: fat32.asm with
; another name, which says what it expects and leaves.  NTLDR is entered as the boot manager is: GRUB's command "ntldr"
; starts both.
;
; Assembled with: nasm -f bin -I ./ -o fat32-ntldr.bin fat32-ntldr.asm

%define LOADER "NTLDR"
%include "fat32.asm"
