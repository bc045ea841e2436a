#!/usr/bin/env bash
# Run the commands of README and docs/ as on a machine that is not ours: with HOME, PATH and LANG alone in the environment, once with
# temporary files on a tmpfs and once on a disk, whose file systems differ in what they hold and refuse.
set -euo pipefail
cd "$(dirname "$0")/.."
path=$PWD/.venv/bin:/usr/local/bin:/usr/bin:/bin

for place in /dev/shm /var/tmp; do
    folder=$(mktemp -d -p "$place" osdimage-tour.XXXXXX)
    trap 'rm -rf -- "$folder"' EXIT
    printf 'README.md and docs/, with temporary files in %s (%s)\n' "$place" "$(stat --file-system --format=%T "$place")"
    env -i HOME="$HOME" PATH="$path" LANG=C.UTF-8 TMPDIR="$folder" python3 .ci/tour.py "$folder" </dev/null
    rm -rf -- "$folder"
done
