#!/usr/bin/env bash
# Build the blob pipeline and what fills volumes and directories with ThreadSanitizer, and run them over WIMs of each kind
# with many numbers of threads; and the client of NBD servers, over a disk of qemu-nbd.
#
#   .ci/races.sh
#
# Python is left out: ThreadSanitizer knows nothing of its lock.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly place=$PWD/build/races
rm -rf "$place"
mkdir -p "$place/source"

readonly pipeline=(native/engine/{hash,chunks,units,expand,deliver,work,run}.c native/wim/{blob_table,resource}.c)
readonly tree=(native/engine/{map,arrays,asked,walk,sound}.c native/wim/{names,audit}.c)
readonly directory=(native/engine/{handles,link_target,directory,directory_file,directory_sink}.c)
readonly volume=(native/engine/{area,bounds,commit,compact,extents,file,fill,folders,fresh,index,late,lznt1,place,plan,record,records}.c
    native/engine/{secure,space,used,views,views_write}.c native/slices/source{,_file}.c)
build() {
    cc -std=gnu11 -O1 -g -fsanitize=thread -fno-omit-frame-pointer -pthread -D_FILE_OFFSET_BITS=64 -Inative -o "$@" \
        "${pipeline[@]}" -lwim -lntfs-3g -ldl
}
build "$place/races" tests/native/engine/races.c
build "$place/directory_races" tests/native/engine/directory_races.c "${tree[@]}" "${directory[@]}"
cc -std=gnu11 -O1 -g -fsanitize=thread -fno-omit-frame-pointer -pthread -D_FILE_OFFSET_BITS=64 -Inative \
    -o "$place/nbd_races" tests/native/slices/nbd_races.c native/nbd/*.c native/slices/source{,_nbd}.c
build "$place/volume_races" tests/native/engine/volume_races.c "${tree[@]}" "${volume[@]}"

for number in $(seq 40); do
    seq "$number" $((number * 70)) >"$place/source/small $number"
done
seq 400000 >"$place/source/large"
mkdir -p "$place/source/a/b/c" "$place/source/d"
ln "$place/source/small 3" "$place/source/a/b/c/small"
cp "$place/source/large" "$place/source/a/large"
ln "$place/source/a/large" "$place/source/d/large"
touch "$place/source/d/empty"
ln -s ../small "$place/source/d/link"
head -c 1500000 "$place/races" >"$place/source/program"
# What does not shrink, and is more than is tried of a file that shall be compressed as a whole.
head -c 5000000 /dev/urandom >"$place/source/noise"
declare -A kinds=(
    [none]='--compress=none' [xpress]='--compress=xpress' [lzx]='--compress=lzx:10 --chunk-size=2M'
    [solid]='--solid --solid-compress=lzms:10 --solid-chunk-size=1M' [small]='--solid --solid-compress=lzx:10 --solid-chunk-size=32K'
)
for kind in "${!kinds[@]}"; do
    # shellcheck disable=SC2086 # several options
    wimlib-imagex capture "$place/source" "$place/$kind.wim" ${kinds[$kind]} >"$place/capture.log" 2>&1
done

# Files that are sparse or compressed, which no folder of Linux has.
PYTHONPATH=tests .venv/bin/python -c 'import sys; from cases import bulk, wimcraft
sys.stdout.buffer.write(wimcraft.build(bulk.everything(), descriptors=bulk.DESCRIPTORS))' >"$place/everything.wim"
truncate --size=96M "$place/volume"
mkntfs --quick --force --quiet "$place/volume" 2>"$place/mkntfs.log"

# Its memory has places of its own, which a kernel that shuffles much leaves no room for; some containers forbid to ask.
steady=(setarch "$(uname -m)" --addr-no-randomize)
"${steady[@]}" true 2>/dev/null || steady=()
export TSAN_OPTIONS=exitcode=66:halt_on_error=0
"${steady[@]}" "$place/races" "$place"/*.wim
mkdir "$place/target"
"${steady[@]}" "$place/directory_races" "$place/target" "$place"/{none,xpress,lzx,solid,small}.wim
"${steady[@]}" "$place/volume_races" "$place/volume" "$place"/{none,lzx,small,everything}.wim
truncate --size=64M "$place/disk"
# It ends when its last client has left, and a name of a socket may not be long.
socket=$(mktemp --directory)/nbd
qemu-nbd --image-opts "driver=raw,file.driver=file,file.filename=$place/disk" --shared=4 --socket="$socket" \
    --discard=unmap --fork
"${steady[@]}" "$place/nbd_races" "$socket"
rm -rf "${socket%/nbd}"
echo 'no races'
