#!/usr/bin/env bash
# Build Debian's packages from packaging/ in dist/debian, and try them; each in a system of the release that is thrown away.
#
#   .ci/debian.sh [SUITE]       a release of Debian, by default trixie
#
# Who works on such a release needs none of this: docs/reference/packaging.md.  Other words are for the hooks of mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly work=$PWD/build/debian
readonly install="apt-get --yes --no-install-recommends --option Dpkg::Options::=--force-unsafe-io"

die() {
    printf 'osdimage packages: %s\n' "$*" >&2
    exit 1
}

# Put the sources, each with its debian/, below $work/sources, as dpkg-source wants them.
unpack_sources() {
    local version sdist
    sdist=$(compgen -G 'dist/osdimage-*.tar.gz') || die "there is no source distribution; make debian builds it"
    version=$(basename "$sdist" .tar.gz)
    version=${version#osdimage-}
    rm -rf "$work"
    mkdir -p "$work/sources" "$work/packages"
    cp "$sdist" "$work/sources/osdimage_$version.orig.tar.gz"
    .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --require-hashes \
        --dest "$work" --requirement packaging/pyfatfs/requirements.txt
    sdist=$(compgen -G "$work/pyfatfs-*.tar.gz")
    version=$(basename "$sdist" .tar.gz)
    mv "$sdist" "$work/sources/pyfatfs_${version#pyfatfs-}.orig.tar.gz"
    unpack osdimage packaging/debian
    unpack pyfatfs packaging/pyfatfs/debian
}

unpack() {
    local name=$1 recipe=$2
    mkdir "$work/sources/$name"
    tar --extract --file "$work/sources/$name"_*.orig.tar.gz --directory "$work/sources/$name" --strip-components=1
    cp -R "$recipe" "$work/sources/$name/debian"
}

# Run a line of shell in a folder of a system, as one of its users; what it prints is shown only when it fails.
inside() {
    local root=$1 user=$2 folder=$3 line=$4
    if ! chroot "$root" runuser --user "$user" -- env --chdir="$folder" LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        sh -c "$line" </dev/null >"$work/log" 2>&1; then
        cat "$work/log" >&2
        die "failed: $line"
    fi
}

build_package() {
    local root=$1 name=$2 options=$3
    printf 'Building %s\n' "$name"
    inside "$root" root /build "$install build-dep ./$name"
    inside "$root" builder "/build/$name" "DEB_BUILD_OPTIONS='$options' dpkg-buildpackage --no-sign"
    # The number of the bug that a first upload to Debian closes is that of whoever uploads.
    inside "$root" builder /build \
        "lintian --fail-on error,warning --info --suppress-tags initial-upload-closes-no-bugs ${name}_*.changes"
}

# In the system that builds: what osdimage needs and Debian has not comes first.
build() {
    local root=$1
    cp -R "$work/sources" "$root/build"
    inside "$root" root / "useradd --home-dir /build builder && chown -R builder /build"
    # Its own tests take a minute, and are not ours.
    build_package "$root" pyfatfs nocheck
    inside "$root" root /build "$install install ./python3-pyfatfs_*.deb"
    build_package "$root" osdimage "parallel=$(nproc)"
    cp "$root"/build/*.deb "$root"/build/*.dsc "$root"/build/*.changes "$root"/build/*.tar.* "$work/packages"
}

# In a system that has nothing but the packages.
try() {
    local root=$1
    printf 'Trying the packages\n'
    cp "$work"/packages/*.deb "$root/tmp"
    inside "$root" root /tmp "$install install ./*.deb"
    if ! autopkgtest --quiet --summary "$work/summary" --no-built-binaries \
        "$work"/packages/osdimage_*.dsc "$work"/packages/*.deb -- chroot "$root" </dev/null >"$work/log" 2>&1; then
        cat "$work/log" >&2
        die "the packages fail their tests"
    fi
    cat "$work/summary"
}

system() {
    local hook=$1
    shift
    mmdebstrap --quiet --customize-hook="copy-in /etc/resolv.conf /etc" \
        --customize-hook="'$PWD/.ci/debian.sh' $hook \"\$1\"" "$@" "$suite" /dev/null
}

case ${1:-} in
    build | try)
        "$@"
        exit
        ;;
esac
readonly suite=${1:-trixie}
if ! type mmdebstrap autopkgtest >/dev/null 2>&1; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        die "these are needed: mmdebstrap autopkgtest (Debian: apt-get install mmdebstrap autopkgtest)"
    fi
    apt-get -q=2 update
    DEBIAN_FRONTEND=noninteractive apt-get -q=2 -y install --no-install-recommends mmdebstrap autopkgtest >/dev/null
fi
unpack_sources
system build --variant=buildd --include=lintian
system try --variant=apt
rm -rf dist/debian
mv "$work/packages" dist/debian
ls dist/debian/*.deb
