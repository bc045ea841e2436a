#!/usr/bin/env bash
# Build the blob pipeline with ThreadSanitizer, and run it over WIMs of each kind with many numbers of threads.
#
#   .ci/races.sh
#
# Python is left out: ThreadSanitizer knows nothing of its lock.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly place=$PWD/build/races
rm -rf "$place"
mkdir -p "$place/source"

cc -std=gnu11 -O1 -g -fsanitize=thread -fno-omit-frame-pointer -pthread -D_FILE_OFFSET_BITS=64 -Inative \
    -o "$place/races" tests/native/engine/races.c native/engine/{hash,chunks,units,expand,deliver,work,run}.c \
    native/wim/blob_table.c native/wim/resource.c -lwim -ldl

for number in $(seq 40); do
    seq "$number" $((number * 70)) >"$place/source/small $number"
done
seq 400000 >"$place/source/large"
head -c 1500000 "$place/races" >"$place/source/program"
declare -A kinds=(
    [none]='--compress=none' [xpress]='--compress=xpress' [lzx]='--compress=lzx:10 --chunk-size=2M'
    [solid]='--solid --solid-compress=lzms:10 --solid-chunk-size=1M' [small]='--solid --solid-compress=lzx:10 --solid-chunk-size=32K'
)
for kind in "${!kinds[@]}"; do
    # shellcheck disable=SC2086 # several options
    wimlib-imagex capture "$place/source" "$place/$kind.wim" ${kinds[$kind]} >"$place/capture.log" 2>&1
done

# Its memory has places of its own, which a kernel that shuffles much leaves no room for; some containers forbid to ask.
steady=(setarch "$(uname -m)" --addr-no-randomize)
"${steady[@]}" true 2>/dev/null || steady=()
TSAN_OPTIONS=exitcode=66:halt_on_error=0 "${steady[@]}" "$place/races" "$place"/*.wim
echo 'no races'
