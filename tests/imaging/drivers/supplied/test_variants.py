"""Which folders of a collection, and which of its packages, are for a Windows.

The folders are those of viostor on a virtio-win.iso, by the lists in virtio-win-pkg-scripts, ``util/filemap.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import net_packages as cases
from hypothesis import given
from hypothesis import strategies as st
from judges.disc import make
from osdimage.imaging.drivers import Architecture, FolderFiles, ProductType, TargetOs, open_supply, packages_in
from osdimage.imaging.drivers.supplied.variants import choose_folders, choose_packages

AMD64 = [
    f"viostor/{each}/amd64"
    for each in ("2k12", "2k12R2", "2k16", "2k19", "2k22", "2k25", "2k8", "2k8R2", "w10", "w11", "w7", "w8", "w8.1")
]
VIOSTOR = [
    *AMD64,
    *(f"viostor/{each}/x86" for each in ("2k3", "2k8", "w10", "w7", "w8", "w8.1", "xp")),
    "viostor/w10/ARM64",
    "viostor/w11/ARM64",
]


def windows(version: str, architecture: str = "amd64", *, server: bool = False) -> TargetOs:
    product = ProductType.SERVER if server else ProductType.WORKSTATION
    return TargetOs.parse(version, Architecture.parse(architecture), product=product)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (windows("10.0.26100"), "viostor/w11/amd64"),
        (windows("10.0.22000"), "viostor/w11/amd64"),
        (windows("10.0.19045"), "viostor/w10/amd64"),
        (windows("10.0.10240"), "viostor/w10/amd64"),
        # Which build is not known: the oldest.
        (windows("10.0"), "viostor/w10/amd64"),
        (windows("6.3.9600"), "viostor/w8.1/amd64"),
        (windows("6.2.9200"), "viostor/w8/amd64"),
        (windows("6.1.7601"), "viostor/w7/amd64"),
        (windows("10.0.26100", server=True), "viostor/2k25/amd64"),
        (windows("10.0.20348", server=True), "viostor/2k22/amd64"),
        (windows("10.0.17763", server=True), "viostor/2k19/amd64"),
        (windows("10.0.14393", server=True), "viostor/2k16/amd64"),
        # A semi-annual channel between two.
        (windows("10.0.19042", server=True), "viostor/2k19/amd64"),
        (windows("6.3.9600", server=True), "viostor/2k12R2/amd64"),
        (windows("6.2.9200", server=True), "viostor/2k12/amd64"),
        (windows("6.1.7601", server=True), "viostor/2k8R2/amd64"),
        (windows("6.0.6003", server=True), "viostor/2k8/amd64"),
        (windows("6.1.7601", "x86"), "viostor/w7/x86"),
        # Vista has no folder; a version comes before the product.
        (windows("6.0.6003", "x86"), "viostor/2k8/x86"),
        (windows("5.2.3790", "x86", server=True), "viostor/2k3/x86"),
        (windows("5.1.2600", "x86"), "viostor/xp/x86"),
        (windows("10.0.22631", "arm64"), "viostor/w11/ARM64"),
        (windows("10.0.19045", "arm64"), "viostor/w10/ARM64"),
        (windows("5.0.2195", "x86"), None),
    ],
    ids=str,
)
def test_the_folder_of_the_nearest_windows_that_is_not_above_the_target_is_taken(
    target: TargetOs, expected: str | None
) -> None:
    chosen = choose_folders(VIOSTOR, target)
    assert chosen.taken == (() if expected is None else (expected,))
    assert {each.item for each in chosen.left_out} == {*VIOSTOR} - {expected}


def test_each_that_was_left_out_says_why() -> None:
    folders = [
        "viostor/w10/amd64",
        "viostor/w11/amd64",
        "viostor/w11/ARM64",
        "viostor/2k22/amd64",
        "viostor/2k25/amd64",
    ]
    chosen = choose_folders(folders, windows("10.0.22631"))
    assert chosen.taken == ("viostor/w11/amd64",)
    assert {each.item: each.reason for each in chosen.left_out} == {
        "viostor/w10/amd64": "viostor/w11/amd64 is nearer to 10.0.22631 amd64 workstation",
        "viostor/w11/ARM64": "it is for arm64",
        "viostor/2k22/amd64": "viostor/w11/amd64 is nearer to 10.0.22631 amd64 workstation",
        "viostor/2k25/amd64": "it is for a newer Windows, 2k25",
    }


def test_a_driver_without_a_folder_for_the_product_has_that_of_the_other_one() -> None:
    # fwcfg and viofs have none for servers of their own in some releases.
    folders = ["viofs/w10/amd64", "viofs/w11/amd64", "viostor/w10/amd64", "viostor/2k19/amd64"]
    assert choose_folders(folders, windows("10.0.20348", server=True)).taken == (
        "viofs/w10/amd64",
        "viostor/2k19/amd64",
    )


def test_drivers_do_not_compete_with_each_other_and_other_folders_stay() -> None:
    folders = [
        "a/viostor/w10/amd64",
        "b/viostor/w11/amd64",
        "NetKVM/W10/AMD64",
        "amd64/w10",
        "amd64/w11",
        "Intel/LAN",
        "",
    ]
    assert choose_folders(folders, windows("10.0.22631")).taken == (
        "a/viostor/w10/amd64",
        "b/viostor/w11/amd64",
        "NetKVM/W10/AMD64",
        "amd64/w11",
        "Intel/LAN",
        "",
    )


@given(
    st.lists(st.sampled_from(VIOSTOR), unique=True),
    st.tuples(st.integers(5, 11), st.integers(0, 3), st.integers(0, 30000)),
    st.sampled_from(Architecture),
    st.sampled_from(ProductType),
)
def test_each_folder_is_taken_or_left_out_and_of_a_driver_one_at_most(
    folders: list[str], version: tuple[int, int, int], architecture: Architecture, product: ProductType
) -> None:
    chosen = choose_folders(folders, TargetOs(*version, architecture, product))
    assert sorted([*chosen.taken, *(each.item for each in chosen.left_out)]) == sorted(folders)
    assert len(chosen.taken) <= 1
    assert all(each.lower().endswith(f"/{architecture}") for each in chosen.taken)


@pytest.mark.foreign
def test_of_a_disc_the_packages_for_a_windows_are_chosen_each_once(tmp_path: Path) -> None:
    top = tmp_path / "virtio"
    for system in ("w10", "w11", "2k22"):
        cases.write_package(top / "viostor" / system / "amd64", "viostor")
    cases.write_package(top / "viostor" / "w11" / "ARM64", "viostor", architecture="arm64")
    # Windows 11 has the same files as elsewhere on the disc.
    (top / "amd64" / "w11").mkdir(parents=True)
    for each in (top / "viostor" / "w11" / "amd64").iterdir():
        (top / "amd64" / "w11" / each.name).write_bytes(each.read_bytes())
    iso = make("genisoimage", tmp_path / "virtio.iso", top, "-J", "-R")
    with open_supply(iso) as supply:
        chosen = choose_packages(packages_in(supply.files, supply.folder), windows("10.0.22631"))
        assert [each.path for each in chosen.taken] == ["amd64/w11/viostor.inf"]
        assert {each.item.path: each.reason for each in chosen.left_out} == {
            "viostor/2k22/amd64/viostor.inf": "viostor/w11/amd64 is nearer to 10.0.22631 amd64 workstation",
            "viostor/w10/amd64/viostor.inf": "viostor/w11/amd64 is nearer to 10.0.22631 amd64 workstation",
            "viostor/w11/ARM64/viostor.inf": "it is for arm64",
            "viostor/w11/amd64/viostor.inf": "all its files are those of amd64/w11/viostor.inf",
        }


def test_the_inf_decides_before_the_name_of_its_folder(tmp_path: Path) -> None:
    newer = cases.inf("net", platforms=("NTamd64.10.0...26100",))
    cases.write_package(tmp_path / "net" / "w11" / "amd64", "net", newer)
    cases.write_package(tmp_path / "net" / "w10" / "amd64", "net", cases.inf("net", platforms=("NTamd64.10.0",)))
    chosen = choose_packages(packages_in(FolderFiles(tmp_path)), windows("10.0.22631"))
    assert [each.path for each in chosen.taken] == ["net/w10/amd64/net.inf"]
    (left,) = chosen.left_out
    assert left.reason == (
        "its INF has no device for 10.0.22631 amd64 workstation; its platforms are NTamd64.10.0...26100"
    )


def test_packages_with_one_name_and_other_files_are_both_taken(tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        cases.write_package(tmp_path / folder)
    (tmp_path / "three" / "net.sys").write_bytes((tmp_path / "one" / "net.sys").read_bytes())
    chosen = choose_packages(packages_in(FolderFiles(tmp_path)), windows("10.0.22631"))
    assert [each.path for each in chosen.taken] == ["one/net.inf", "two/net.inf"]
    assert [each.reason for each in chosen.left_out] == ["all its files are those of one/net.inf"]


def test_what_is_for_no_device_or_not_finished_is_taken(tmp_path: Path) -> None:
    (tmp_path / "template.inf").write_bytes(cases.inf().replace(b"NTamd64", b"NT$ARCH$"))
    primitive = b'[Version]\r\nSignature="$Windows NT$"\r\n[DefaultInstall.NTamd64]\r\nCopyFiles=x\r\n'
    (tmp_path / "primitive.inf").write_bytes(primitive)
    chosen = choose_packages(packages_in(FolderFiles(tmp_path)), windows("10.0.22631"))
    assert [each.path for each in chosen.taken] == ["primitive.inf", "template.inf"]
