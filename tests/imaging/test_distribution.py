from __future__ import annotations

import platform

import pytest
from osdimage.imaging.distribution import Distribution, Family, Packages

GDISK = Packages(debian="gdisk-d", fedora="gdisk-f", arch="gdisk-a")

# /etc/os-release as these distributions ship it, shortened to the fields that matter.
BOOKWORM = {
    "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
    "NAME": "Debian GNU/Linux",
    "VERSION_CODENAME": "bookworm",
    "ID": "debian",
}
UBUNTU = {"PRETTY_NAME": "Ubuntu 24.04.1 LTS", "VERSION_CODENAME": "noble", "ID": "ubuntu", "ID_LIKE": "debian"}
LMDE = {
    "PRETTY_NAME": "LMDE 6 (faye)",
    "VERSION_CODENAME": "faye",
    "ID": "linuxmint",
    "ID_LIKE": "debian",
    "DEBIAN_CODENAME": "bookworm",
}
FEDORA = {"PRETTY_NAME": "Fedora Linux 41 (Workstation Edition)", "ID": "fedora", "VERSION_CODENAME": ""}
ROCKY = {"PRETTY_NAME": "Rocky Linux 9.5 (Blue Onyx)", "ID": "rocky", "ID_LIKE": "rhel centos fedora"}
MANJARO = {"NAME": "Manjaro Linux", "ID": "manjaro", "ID_LIKE": "arch"}
ALPINE = {"PRETTY_NAME": "Alpine Linux v3.20", "ID": "alpine"}


@pytest.mark.parametrize(
    ("fields", "family", "codename", "command"),
    [
        pytest.param(BOOKWORM, Family.DEBIAN, "bookworm", "sudo apt-get install gdisk-d", id="debian"),
        pytest.param(UBUNTU, Family.DEBIAN, "noble", "sudo apt-get install gdisk-d", id="ubuntu"),
        pytest.param(LMDE, Family.DEBIAN, "bookworm", "sudo apt-get install gdisk-d", id="derived-from-debian"),
        pytest.param(FEDORA, Family.FEDORA, None, "sudo dnf install gdisk-f", id="fedora"),
        pytest.param(ROCKY, Family.FEDORA, None, "sudo dnf install gdisk-f", id="like-rhel"),
        pytest.param(MANJARO, Family.ARCH, None, "sudo pacman -S gdisk-a", id="like-arch"),
        pytest.param(ALPINE, None, None, None, id="unknown-family"),
        pytest.param({}, None, None, None, id="no-os-release"),
    ],
)
def test_family_decides_the_install_command(
    fields: dict[str, str], family: Family | None, codename: str | None, command: str | None
) -> None:
    found = Distribution.from_os_release(fields)
    assert found.family is family
    assert found.codename == codename
    assert found.install_command(GDISK) == command


def test_name_falls_back_to_what_is_there() -> None:
    assert Distribution.from_os_release(BOOKWORM).name == "Debian GNU/Linux 12 (bookworm)"
    assert Distribution.from_os_release(MANJARO).name == "Manjaro Linux"
    assert Distribution.from_os_release({}).name == "Linux"


def test_a_system_without_os_release_has_no_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> dict[str, str]:
        raise OSError("no os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    assert Distribution.current().family is None
