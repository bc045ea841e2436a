#!/usr/bin/env bash
# Build the blob pipeline and what fills directories with ThreadSanitizer, and run them over WIMs of each kind with many
# numbers of threads.
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
readonly tree=(native/engine/{map,arrays,walk,sound,handles,link_target,directory,directory_file,directory_sink}.c native/wim/{names,audit}.c)
build() {
    cc -std=gnu11 -O1 -g -fsanitize=thread -fno-omit-frame-pointer -pthread -D_FILE_OFFSET_BITS=64 -Inative -o "$@" \
        "${pipeline[@]}" -lwim -lntfs-3g -ldl
}
build "$place/races" tests/native/engine/races.c
build "$place/directory_races" tests/native/engine/directory_races.c "${tree[@]}"

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
export TSAN_OPTIONS=exitcode=66:halt_on_error=0
"${steady[@]}" "$place/races" "$place"/*.wim
mkdir "$place/target"
"${steady[@]}" "$place/directory_races" "$place/target" "$place"/*.wim
echo 'no races'
