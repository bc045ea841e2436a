#!/usr/bin/env bash
# Build the C parts with AddressSanitizer and UndefinedBehaviorSanitizer, and run the tests that go through them.
#
#   .ci/sanitize.sh [ARGUMENT OF PYTEST...]
#
# All of it is in a folder of its own, build/sanitize: the wheel in .venv stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=$PWD/.venv place=$PWD/build/sanitize
readonly flags='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g'
# The families of native, what libwim is given by the hostile, verify, and what changes NTFS volumes in place.
readonly tests=(tests/native tests/imaging/disk/{bitlocker,containers} tests/imaging/wim/test_{hostile,feed}.py
    tests/imaging/apply/test_bulk_directory.py tests/imaging/apply/test_bulk_directory_failures.py
    tests/imaging/wim/stored/test_in_place.py tests/imaging/volume/test_files.py tests/imaging/apply/test_ntfs_wipe.py
    tests/imaging/apply/test_ntfs_killed.py tests/imaging/apply/test_compact.py tests/imaging/capture/test_decompact.py
    tests/cli/wim/test_verify_and_delete.py)

rm -rf "$place"
mkdir -p "$place/bin"
if ! CFLAGS=$flags LDFLAGS=$flags "$venv/bin/python" setup.py --quiet build --build-base "$place/build" \
    --build-lib "$place/lib" >"$place/build.log" 2>&1; then
    cat "$place/build.log" >&2
    exit 1
fi
rm -rf osdimage.egg-info

# Python itself is not built so, and must load the sanitizers before all else.  The judges must not: they run under limits
# of memory, and sanitizers reserve terabytes of addresses.  So Python forgets how it was started, and a Python that a
# test starts is started in the same way again.
python=$(readlink -f "$venv/bin/python")
cat >"$place/bin/python" <<END
#!/usr/bin/env bash
export LD_PRELOAD=$(cc -print-file-name=libasan.so):$(cc -print-file-name=libubsan.so)\${LD_PRELOAD:+:\$LD_PRELOAD}
exec -a "\$0" $python "\$@"
END
printf 'import os\n\nos.environ.pop("LD_PRELOAD", None)\n' >"$place/lib/sitecustomize.py"
printf '#!%s/bin/python\nfrom osdimage.cli.main import main\n\nmain()\n' "$place" >"$place/bin/osdimage"
chmod +x "$place/bin/python" "$place/bin/osdimage"
# What says where Python's own modules are, since it is started by another name.
printf 'home = %s\ninclude-system-site-packages = false\n' "$(dirname "$python")" >"$place/pyvenv.cfg"

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
export PYTHONPATH=$place/lib:$packages
# pycryptodome opens its libraries in a way that the sanitizers refuse, unless this is set.
export PYCRYPTODOME_DISABLE_DEEPBIND=1
# Python keeps what it has until it ends, which is no leak.  The memory of a process that reads a bomb stays limited.
common=log_path=$place/report:exitcode=99
export ASAN_OPTIONS=$common:detect_leaks=0:allocator_may_return_null=1:hard_rss_limit_mb=3000
export UBSAN_OPTIONS=$common:print_stacktrace=1
code=0
"$place/bin/python" -m pytest --numprocesses=auto --dist=worksteal -p no:cacheprovider "$@" "${tests[@]}" || code=$?
# A child that a sanitizer stopped is one that failed, which a test may want.  That a hostile size was refused is no error.
if grep --quiet --no-messages --extended-regexp 'ERROR: |runtime error' "$place"/report.*; then
    cat "$place"/report.* >&2
    exit 1
fi
exit "$code"
