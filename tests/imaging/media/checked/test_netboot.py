"""Folders for network boot, as media verify looks at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases.netboot import net_material
from runs.commands import Outcome, osdimage


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    net_material(folder)
    return folder


def made(material: Path, out: Path, *options: str) -> Path:
    ipxe = () if "--native" in options else (f"--wimboot={material}/wimboot", f"--ipxe={material}/ipxe")
    osdimage("media", "netboot", out, f"--boot-image=pe={material}/pe.wim", *ipxe, *options)
    return out


def verify(out: Path, *, code: int = 0) -> Outcome:
    return osdimage("media", "verify", out, code=code)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param((), "starts under BIOS and UEFI", id="ipxe"),
        pytest.param(("--native",), "starts under UEFI", id="native-uefi"),
        pytest.param(("--native", "--firmware=bios"), "starts under BIOS", id="native-bios"),
    ],
)
def test_a_folder_that_was_made_is_sound(options: tuple[str, ...], told: str, material: Path, tmp_path: Path) -> None:
    said = verify(made(material, tmp_path / "out", *options)).out
    assert "a folder for network boot" in said
    assert told in said


def _without_wim(out: Path) -> None:
    (out / "sources" / "pe.wim").unlink()


def _without_image(out: Path) -> None:
    (out / "images" / "pe.ipxe").unlink()


def _without_ipxe(out: Path) -> None:
    (out / "undionly.kpxe").unlink()
    (out / "snponly.efi").unlink()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(_without_wim, "images/pe.ipxe names ../sources/pe.wim, which is not there", id="wim"),
        pytest.param(_without_image, "default.ipxe names images/pe.ipxe, which is not there", id="script"),
        pytest.param(_without_ipxe, "has nothing that computers load first", id="ipxe"),
    ],
)
def test_what_its_scripts_name_and_is_not_there_is_told(
    change: Callable[[Path], None], told: str, material: Path, tmp_path: Path
) -> None:
    out = made(material, tmp_path / "out")
    change(out)
    outcome = verify(out, code=3)
    assert told in outcome.out + outcome.err


def test_a_script_of_somebody_that_names_what_is_not_there_is_warned_of(material: Path, tmp_path: Path) -> None:
    out = made(material, tmp_path / "out")
    (out / "by-mac").mkdir()
    (out / "by-mac" / "52-54-00-00-00-09.ipxe").write_text(
        "#!ipxe\nchain ../own.ipxe ||\nchain http://other/x.ipxe ||\nchain ${next}/y.ipxe\n"
    )
    outcome = verify(out)
    assert "warning" in outcome.out + outcome.err
    assert "names ../own.ipxe, which is not there" in outcome.out + outcome.err
    assert "other/x" not in outcome.out + outcome.err


def test_a_store_without_its_boot_image_is_told(material: Path, tmp_path: Path) -> None:
    out = made(material, tmp_path / "out", "--native")
    (out / "sources" / "boot.wim").unlink()
    outcome = verify(out, code=3)
    assert "boot.wim" in outcome.out + outcome.err
