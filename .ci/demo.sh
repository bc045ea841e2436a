#!/usr/bin/env bash
# Capture a folder into a WIM, apply it to another folder, and compare the two with diff and find; then deploy the WIM to
# a disk image, and compare what is read back from it.  At the end a disk with a loader is made and started in QEMU, when
# that is installed; see demo-boot.sh.
#
# FOLDER names the folder; the default is there on every machine that can build osdimage.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
export LC_ALL=C.UTF-8

folder=${FOLDER:-/usr/include}
folder=$(realpath -e -- "$folder")
work=$(mktemp -d -t osdimage-demo.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
wim=$work/demo.wim

# Kind, path, size, link target and time of everything below a folder.  A WIM counts time in units of 100 ns.
list() {
    (
        cd "$1"
        find . \( -type f -printf 'file %p %s bytes %T@\n' \) \
            -o \( -type l -printf 'link %p to %l\n' \) \
            -o -printf '%y %p %T@\n' | sed -E 's/(\.[0-9]{7})[0-9]+$/\1/' | sort
    )
}

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", to - from }'; }
size() { numfmt --to=iec --suffix=B "$1"; }

started=$EPOCHREALTIME
run osdimage capture "$folder" "$wim" --name "Demonstration" --description "$folder"
captured=$(seconds_since "$started")
run osdimage info "$wim"
run osdimage verify "$wim"
started=$EPOCHREALTIME
run osdimage apply "$wim" "$work/applied"
applied=$(seconds_since "$started")

identical=yes
diff --recursive --no-dereference --brief -- "$folder" "$work/applied" || identical=NO
diff <(list "$folder") <(list "$work/applied") || identical=NO

disk=$work/disk.img
started=$EPOCHREALTIME
run osdimage deploy "$wim" "$disk" --preset uefi --size 64GB
deployed=$(seconds_since "$started")
run osdimage compare "$wim" "$disk" --partition 3 || identical=NO
run osdimage capture "$disk" "$work/again.wim" --partition 3 --name "Read back"
run osdimage apply "$work/again.wim" "$work/from-disk"
diff --recursive --no-dereference --brief -- "$folder" "$work/from-disk" || identical=NO

before=$(find "$folder" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
after=$(stat --format=%s "$wim")
cat <<END

Captured   $folder: $(find "$folder" -type f | wc -l) files, $(size "$before")
WIM        $(size "$after"), $(awk -v a="$after" -v b="$before" 'BEGIN { printf "%.0f", b ? 100 * a / b : 0 }') % of the files
Disk       64 GB with 4 partitions, $(du --block-size=1 "$disk" | cut -f1 | xargs numfmt --to=iec --suffix=B) on this file system
Time       capture $captured, apply $applied, deploy $deployed, all as $(id -un)
identical: $identical (contents with diff, of the folder and of the disk; names, sizes, times and links with find)
END
[[ $identical == yes ]]
.ci/demo-boot.sh "$work"
