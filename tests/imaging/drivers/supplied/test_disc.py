"""Driver files on a disc, as virtio-win.iso has them, and a folder of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from judges.disc import make
from osdimage.imaging.drivers import open_supply
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a disc as virtio-win.iso is made: with Joliet and Rock Ridge; it has a link, too."""
    top = tmp_path_factory.mktemp("disc")
    for name, contents in {
        "viostor/w10/amd64/viostor.inf": b"; amd64",
        "viostor/w10/amd64/viostor.sys": b"x" * 5000,
        "NetKVM/w11/ARM64/netkvm.inf": b"; arm64",
        "readme": b"",
    }.items():
        (top / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "files" / name).write_bytes(contents)
    (top / "files" / "link.sys").symlink_to("viostor/w10/amd64/viostor.sys")
    return make("genisoimage", top / "virtio.iso", top / "files", "-J", "-R")


def test_a_disc_is_read_as_it_is(disc: Path) -> None:
    with open_supply(disc) as supply:
        assert supply.folder == ""
        assert sorted(each.path for each in supply.files.walk() if not each.is_directory) == [
            "NetKVM/w11/ARM64/netkvm.inf",
            "link.sys",
            "readme",
            "viostor/w10/amd64/viostor.inf",
            "viostor/w10/amd64/viostor.sys",
        ]
        assert [each.is_link for each in supply.files.list() if each.name == "link.sys"] == [True]
        assert supply.files.read(r"VIOSTOR\W10\AMD64\VIOSTOR.SYS") == b"x" * 5000
        assert supply.files.find("link.sys/x") is None
        with pytest.raises(InvalidVolume, match=r"'link.sys' is a link or no plain file"):
            supply.files.read("link.sys")
        with pytest.raises(InvalidRequest, match="no directory 'readme'"):
            supply.files.list("readme")


@pytest.mark.parametrize(
    ("inside", "folder", "is_inf"),
    [
        ("NetKVM/w11", "NetKVM/w11", False),
        ("/netkvm/", "netkvm", False),
        ("viostor/w10/amd64/VIOSTOR.inf", "viostor/w10/amd64/VIOSTOR.inf", True),
        ("", "", False),
    ],
)
def test_a_folder_or_an_inf_of_a_disc_is_where_to_look(disc: Path, inside: str, folder: str, is_inf: bool) -> None:
    with open_supply(f"{disc}!{inside}") as supply:
        assert (supply.folder, supply.is_inf) == (folder, is_inf)
        assert supply.files.exists(folder)


def test_what_is_not_on_the_disc_or_is_no_inf_says_so(disc: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"virtio.iso: holds no viostor/w12; valid in viostor are w10"):
        open_supply(f"{disc}!viostor/w12").__enter__()
    with pytest.raises(InvalidInput, match=r"virtio.iso!readme: is neither a folder, an INF nor an archive"):
        open_supply(f"{disc}!readme").__enter__()
