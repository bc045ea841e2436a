; The boot code of an NTFS volume that starts \ntldr, the loader of Windows 2000, XP and Server 2003: ntfs.asm with
; another name, which says what it expects and leaves.  NTLDR is entered as the boot manager is: GRUB's command "ntldr"
; starts both.
;
; Assembled with: nasm -f bin -I ./ -o ntfs-ntldr.bin ntfs-ntldr.asm

%define LOADER "NTLDR"
%include "ntfs.asm"
