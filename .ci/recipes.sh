#!/usr/bin/env bash
# Read the recipes for Fedora and Arch with what their builders read them with, as far as that runs on Debian.
#
# They cannot be built here: that takes a Fedora, or an Arch.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly programs=(rpmspec rpmlint makepkg pacman-conf)
readonly packages=(rpm rpmlint makepkg pacman-package-manager)

die() {
    printf 'osdimage recipes: %s\n' "$*" >&2
    exit 1
}

if ! type "${programs[@]}" >/dev/null 2>&1; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        die "these are needed: ${programs[*]} (Debian: apt-get install ${packages[*]})"
    fi
    apt-get -q=2 update
    DEBIAN_FRONTEND=noninteractive apt-get -q=2 -y install --no-install-recommends "${packages[@]}" >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

for spec in packaging/fedora/osdimage.spec packaging/pyfatfs/python-pyfatfs.spec; do
    rpmspec --parse "$spec" >/dev/null
    # The source has no address yet, and what RPM of today needs no more, rpmlint of Debian 12 still misses.
    rpmlint --strict --config packaging/fedora/rpmlint.toml "$spec" >"$work/said" || {
        cat "$work/said" >&2
        die "$spec"
    }
done
for recipe in packaging/arch packaging/pyfatfs; do
    # What a PKGBUILD sets, makepkg uses, and that ends where a command fails.
    shellcheck --shell=bash --exclude=SC2034,SC2154,SC2164 "$recipe/PKGBUILD"
    mkdir "$work/${recipe##*/}"
    cp "$recipe/PKGBUILD" "$work/${recipe##*/}"
done
# makepkg does nothing for root; of another user are the folders of recipes alone, and not what root writes here.
as_other=()
if [[ $(id -u) == 0 ]]; then
    as_other=(runuser --user nobody --)
    chmod a+x "$work"
    chown -R nobody "$work"/arch "$work"/pyfatfs
fi
for folder in "$work"/arch "$work"/pyfatfs; do
    (cd "$folder" && "${as_other[@]}" makepkg --printsrcinfo >"$work/said" 2>&1) || {
        cat "$work/said" >&2
        die "$folder/PKGBUILD"
    }
done
echo "The recipes for Fedora and Arch are well formed."
