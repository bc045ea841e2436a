#!/usr/bin/env bash
# Deploy a tree with the names of Windows to a disk image and start that in QEMU, printing what the firmware prints.
#
#   .ci/demo-boot.sh FOLDER
#
# FOLDER is for what is made; osdimage is on the PATH.  The loader is GRUB: no program of Windows is at hand.  Where QEMU,
# its firmware or GRUB is missing, that is said, and nothing is done.
set -euo pipefail
readonly work=${1:?"say where"}
export LC_ALL=C.UTF-8

firmware='' variables=''
for pair in /usr/share/OVMF/OVMF_{CODE,VARS}_4M.fd /usr/share/edk2/ovmf/OVMF_{CODE,VARS}.fd \
    /usr/share/edk2/x64/OVMF_{CODE,VARS}.4m.fd; do
    if [[ -e $pair && $pair == *CODE* && -z $firmware ]]; then
        firmware=$pair variables=${pair/CODE/VARS}
    fi
done
absent=()
command -v qemu-system-x86_64 >/dev/null || absent+=("qemu-system-x86_64")
[[ -n $firmware ]] || absent+=("OVMF (firmware for it)")
command -v grub-mkstandalone >/dev/null && [[ -e /usr/lib/grub/x86_64-efi/ntfs.mod ]] ||
    absent+=("grub-mkstandalone with the modules for x86_64-efi")
if ((${#absent[@]})); then
    printf '\nStarting a deployed disk is left out; not installed: '
    (IFS=,; printf '%s\n' "${absent[*]}" | sed 's/,/, /g')
    exit 0
fi

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

cat >"$work/grub.cfg" <<'END'
serial --unit=0
terminal_output serial
echo "This is the loader, started by the firmware as $cmdpath."
search --no-floppy --set=windows --file /Windows/System32/winload.efi
echo "Windows is in $windows, and a text on its NTFS volume reads:"
cat ($windows)/Windows/System32/hello.txt
outb 0xf4 0x10
END
modules="part_gpt fat ntfs iorw serial search search_fs_file echo cat normal configfile"
tree=$work/windows
mkdir -p "$tree/Windows/Boot/EFI" "$tree/Windows/Boot/Fonts" "$tree/Windows/System32"
grub-mkstandalone -O x86_64-efi -o "$tree/Windows/Boot/EFI/bootmgfw.efi" --modules="$modules" \
    --install-modules="$modules" --fonts= --locales= --themes= "boot/grub/grub.cfg=$work/grub.cfg"
cp "$tree/Windows/Boot/EFI/bootmgfw.efi" "$tree/Windows/System32/winload.efi"
printf 'Deployed by osdimage as %s, without a mount.\n' "$(id -un)" >"$tree/Windows/System32/hello.txt"
printf 'a font\n' >"$tree/Windows/Boot/Fonts/segmono_boot.ttf"

run osdimage capture "$tree" "$work/windows.wim" --name "Stands for Windows"
run osdimage deploy "$work/windows.wim" "$work/bootable.img" --preset uefi --size 4GB
run osdimage boot check "$work/bootable.img"
cp "$variables" "$work/variables.fd"
printf '\n$ qemu-system-x86_64 ... %s\n' "$work/bootable.img"
code=0
timeout --signal=KILL 60 qemu-system-x86_64 -machine q35,accel=tcg -m 256 -nodefaults -no-user-config -display none \
    -monitor none -serial "file:$work/serial.log" -net none -no-reboot \
    -drive "if=pflash,format=raw,unit=0,readonly=on,file=$firmware" \
    -drive "if=pflash,format=raw,unit=1,file=$work/variables.fd" \
    -drive "file=$work/bootable.img,format=raw,if=none,id=disk,snapshot=on" \
    -device virtio-blk-pci,drive=disk,bootindex=1 -device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null || code=$?
sed -E 's/\x1b(\[[0-9;?=]*[A-Za-z]|c)//g' "$work/serial.log" | tr -d '\r' | grep -a .
# (10h << 1) | 1: what the loader writes at its end.
if ((code != 33)); then
    printf 'The disk did not start: QEMU exited with %d.\n' "$code" >&2
    exit 1
fi
printf '\nThe disk starts.\n'
