#!/usr/bin/env bash
# Build the container of packaging/container from the wheels in dist/release, and deploy an image in it.
#
# The base is a Debian that is made here, and what osdimage needs is fetched before: neither a registry of containers nor, from
# inside, an index of packages has to be reached. Root is needed, as nothing is set up for other users here.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly work=$PWD/build/container programs=(buildah mmdebstrap)

die() {
    printf 'osdimage container: %s\n' "$*" >&2
    exit 1
}

storage() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

# Root of the container owns files below it that only buildah takes away.
clean_up() {
    storage rm --all >/dev/null 2>&1 || true
    storage rmi --all --force >/dev/null 2>&1 || true
    # Never into what buildah could not unmount.
    rm -rf --one-file-system -- "$work"
}

type "${programs[@]}" >/dev/null 2>&1 || die "these are needed: ${programs[*]} (Debian: apt-get install ${programs[*]})"
[[ $(id -u) == 0 ]] || die "run it as root"
wheel=$(compgen -G "dist/release/osdimage-*_$(uname -m).whl") || die "there is no wheel of a release: run make release first"
clean_up
trap clean_up EXIT
mkdir -p "$work/release"
cp "$wheel" "$work/release"

mmdebstrap --quiet --variant=minbase --include=python3 trixie "$work/base.tar"
version=$(tar --list --file "$work/base.tar" | sed -n 's|^\./usr/bin/python\(3\.[0-9]*\)$|\1|p')
platforms=()
for libc in manylinux2014 manylinux_2_17 manylinux_2_28; do
    platforms+=(--platform "${libc}_$(uname -m)")
done
.venv/bin/python -m pip download --quiet --disable-pip-version-check --only-binary :all: --python-version "$version" \
    "${platforms[@]}" --dest "$work/release" "${wheel}[drivers]"

base=$(storage from scratch)
storage add --quiet "$base" "$work/base.tar" / >/dev/null
storage commit --quiet "$base" localhost/osdimage-base >/dev/null
storage build --quiet --isolation chroot --network host --build-arg BASE=localhost/osdimage-base --build-arg PIP_NO_INDEX=1 \
    --file packaging/container/Containerfile --tag localhost/osdimage "$work/release" >/dev/null

trial=$(storage from localhost/osdimage)
storage run --isolation chroot "$trial" sh -ec '
    osdimage --version
    mkdir tree
    echo "a line" >tree/text.txt
    osdimage capture tree install.wim
    osdimage deploy install.wim disk.qcow2 --size 128MiB --preset data-gpt
    osdimage disk check disk.qcow2
' 2>&1
echo "packaging/container/Containerfile builds, and what it makes deploys."
