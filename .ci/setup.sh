#!/usr/bin/env bash
# Set up what `make demo` (run) or `make test` (test) needs; what is there already is skipped without the network.
#
#   .ci/setup.sh run|test
#
# PYTHON names the interpreter that the virtual environment is made from.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly level=${1:?"say run or test"}
readonly python=${PYTHON:-python3}
readonly venv=.venv
# Programs such as mkntfs are in folders that an ordinary user's PATH lacks on Debian.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die() {
    printf 'osdimage set-up: %s\n' "$*" >&2
    exit 1
}

# What a step prints is shown only when it fails.
step() {
    local title=$1 log
    shift
    printf '%s\n' "$title"
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "failed: $title"
    fi
    rm -f "$log"
}

# A stamp holds what its step was done for; it is written last, so a step that failed or was stopped is done again.
is_stamped() { [[ -f $venv/stamps/$1 && $(<"$venv/stamps/$1") == "$2" ]]; }
stamp() {
    mkdir -p "$venv/stamps"
    printf '%s\n' "$2" >"$venv/stamps/$1"
}

# One column of .ci/packages for this level: 2 checks, 3 Debian, 4 Fedora, 5 Arch.
column() {
    awk -v level="$level" -v column="$1" \
        '/^[^#]/ && ($1 == "run" || level == "test") { print $column }' .ci/packages | sort -u
}

# One of the paths, with | between them.
first_of() {
    local path
    local -a paths
    IFS='|' read -r -a paths <<<"$1"
    for path in "${paths[@]}"; do
        if [[ -e $path ]]; then
            return
        fi
    done
    return 1
}

is_there() {
    local kind=${1%%:*} name=${1#*:}
    case $kind in
        command) command -v "$name" >/dev/null ;;
        # Not --exists: it also asks for private requirements (fuse) that nothing here uses.
        library) pkg-config --variable=includedir "$name" >/dev/null 2>&1 ;;
        python)
            if [[ $name == *.h ]]; then
                "$python" -c "import sys, sysconfig, os
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), '$name')))" 2>/dev/null
            else
                "$python" -c "import $name, ensurepip" 2>/dev/null
            fi
            ;;
        file) first_of "$name" ;;
        # Of what it does not find it prints the name alone.
        compiler) [[ $(cc -print-file-name="$name" 2>/dev/null) == /* ]] ;;
        *) die ".ci/packages: unknown kind of check: $1" ;;
    esac
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "no sudo here; as root run: apt-get install ${missing[*]}"
    fi
}

install_debian_packages() {
    local wanted installed
    mapfile -t wanted < <(column 3)
    # dpkg-query fails when one is unknown to it, and still answers for the others.
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
    mapfile -t missing < <(comm -13 <(awk '$1 == "installed" { print $2 }' <<<"$installed" | sort -u) \
        <(printf '%s\n' "${wanted[@]}"))
    if ((${#missing[@]} == 0)); then
        return
    fi
    printf 'Installing packages: %s\n' "${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "${missing[@]}"
}

check_other_system() {
    local check
    local -a absent=()
    for check in $(column 2); do
        is_there "$check" || absent+=("${check#*:}")
    done
    if ((${#absent[@]} == 0)); then
        return
    fi
    printf 'osdimage set-up: apt-get is not here, so these must be installed first: %s\n' "${absent[*]}" >&2
    printf '  Debian, Ubuntu: apt-get install %s\n' "$(column 3 | paste -s -d ' ')" >&2
    printf '  Fedora:         dnf install %s\n' "$(column 4 | paste -s -d ' ')" >&2
    printf '  Arch:           pacman -S %s\n' "$(column 5 | paste -s -d ' ')" >&2
    exit 1
}

make_environment() {
    local identity
    identity=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)') || die "$python does not run; set PYTHON=..."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$python is too old: ${identity#* }; osdimage needs Python 3.11 or newer, set PYTHON=..."
    if ! is_stamped environment "$identity"; then
        step "Making the virtual environment $venv" "$python" -m venv --clear "$venv"
        stamp environment "$identity"
    fi
}

# Everything that goes into the wheel, and the libraries that it is compiled against.
sources_checksum() {
    {
        find imaging native cli packaging \( -name __pycache__ -o -name '_wimlib.c' -o -name '*.so' \) -prune -o -type f -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
        sha256sum pyproject.toml setup.py MANIFEST.in README.md LICENSE
        pkg-config --modversion wimlib libntfs-3g 2>&1 || true
    } | sha256sum
}

# The wheel is built from the sdist, in a folder of its own: nothing of an earlier build can slip in.
install_wheel() {
    local requirements sources
    requirements=$(sha256sum pyproject.toml)
    if ! is_stamped build-tools "$requirements"; then
        step "Installing what builds the wheel" "$venv/bin/python" -c '
import subprocess, sys, tomllib
with open("pyproject.toml", "rb") as file:
    wanted = tomllib.load(file)["build-system"]["requires"]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "build", *wanted]).returncode)'
        stamp build-tools "$requirements"
    fi
    sources=$(sources_checksum)
    if ! is_stamped wheel "$sources" || ! compgen -G 'dist/osdimage-*.whl' >/dev/null; then
        rm -f dist/osdimage-*
        step "Building the wheel" "$venv/bin/python" -m build --no-isolation --outdir dist .
        step "Installing the wheel" \
            "$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps dist/osdimage-*.whl
        stamp wheel "$sources"
    fi
}

install_modules() {
    local requirements extra=""
    requirements=$(sha256sum pyproject.toml)
    if is_stamped "modules-$level" "$requirements"; then
        return
    fi
    if [[ $level == test ]]; then
        extra="[test]"
    fi
    step "Installing the Python modules it needs" \
        "$venv/bin/python" -m pip install --quiet "$(compgen -G 'dist/osdimage-*.whl')$extra"
    stamp "modules-$level" "$requirements"
}

declare -a missing=()
case $level in
    run | test) ;;
    *) die "unknown level: $level (run or test)" ;;
esac
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    install_debian_packages
else
    check_other_system
fi
make_environment
install_wheel
install_modules
