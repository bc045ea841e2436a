"""Boot images of media: as they are when the boot manager starts them, else a copy."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from random import Random

import pytest
from cases.boot_images import STARTNET, boot_wim, pe_files, setup_files
from cases.media import boot_image
from cases.windows_trees import windows_files
from judges import wim as judges
from osdimage.imaging import ImageSelector
from osdimage.imaging.errors import ImageNotFound, InvalidInput
from osdimage.imaging.media import BootSettings, prepared_boot_image
from osdimage.imaging.media.parts.prepared import boot_wim_file
from runs.commands import osdimage

ANY = ImageSelector()


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows PE, and Windows Setup, which starts."""
    return boot_wim(tmp_path_factory.mktemp("prepared") / "boot.wim", pe_files(), setup_files(), boot=2)


def entered(wim: Path, selector: ImageSelector) -> None:
    with prepared_boot_image(wim, selector):
        pass


def facts(path: Path) -> list[str]:
    return re.findall(r"(?:Image Count|Compression|Boot Index): +(\S+)", judges.wimlib("info", path))


def test_what_starts_as_it_is_goes_to_the_medium_as_it_is(setup: Path) -> None:
    with prepared_boot_image(setup, ANY) as image:
        assert (image.path, image.source, image.index, image.name) == (setup, setup, 2, "Image 2")
        assert (image.architecture, image.version, image.warnings) == ("x64", "10.0.22621.1", ())
        file = boot_wim_file(image)
        assert (file.path, file.origin, b"".join(file.contents.pieces())) == (
            "sources/boot.wim",
            str(setup),
            setup.read_bytes(),
        )
        assert boot_wim_file(image, 2).path == "sources/boot2.wim"


@pytest.mark.foreign
def test_another_image_than_the_one_that_starts_is_copied_alone(setup: Path) -> None:
    with prepared_boot_image(setup, ImageSelector(index=1)) as image:
        assert (image.source, image.index, image.name) == (setup, 1, "Image 1")
        assert facts(image.path) == ["1", "LZX", "1"]
        assert image.warnings == (f"{setup}: does not start image 1 by itself; the medium has a copy of image 1",)
        made = image.path
    assert not made.exists()


@pytest.mark.foreign
def test_a_solid_image_is_copied_in_a_way_that_the_boot_manager_reads(setup: Path, tmp_path: Path) -> None:
    solid = tmp_path / "boot.wim"
    osdimage("export", setup, solid, "--all", "--solid")
    with prepared_boot_image(solid, ANY) as image:
        assert facts(image.path) == ["1", "LZX", "1"]
        judges.wimlib("verify", image.path)
        assert "in a way that the boot manager does not read" in image.warnings[0]


@pytest.mark.parametrize(("make", "said"), [
    pytest.param(["optimize", "--compress=LZX:20", "--chunk-size=64K"], "in chunks of 65536 bytes", id="large chunks"),
    pytest.param(["optimize", "--compress=LZMS"], "does not read", id="LZMS"),
])  # fmt: skip
@pytest.mark.foreign
def test_what_wimlib_makes_and_no_boot_manager_reads_is_copied(make: list[str], said: str, tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "boot.wim", pe_files(), boot=1)
    verb, *options = make
    judges.wimlib(verb, wim, *options)
    with prepared_boot_image(wim, ANY) as image:
        assert facts(image.path) == ["1", "LZX", "1"]
        assert re.search(r"Chunk Size: +32768 bytes", judges.wimlib("info", image.path))
        assert said in image.warnings[0]


@pytest.mark.foreign
def test_what_is_wished_for_is_in_the_copy_and_not_in_the_source(setup: Path, tmp_path: Path) -> None:
    (tmp_path / "a.cmd").write_bytes(b"wpeinit\r\nmenu\r\n")
    before = hashlib.sha256(setup.read_bytes()).digest()
    with prepared_boot_image(setup, ANY, settings=BootSettings(scratch_mb=128, startnet=tmp_path / "a.cmd")) as image:
        assert facts(image.path) == ["1", "LZX", "1"]
        script = osdimage("extract", image.path, f"/{STARTNET}", "--to", "-").out
        assert script == "wpeinit\r\nmenu\r\n"
    assert hashlib.sha256(setup.read_bytes()).digest() == before


def test_the_recovery_environment_of_a_whole_windows_is_taken(tmp_path: Path) -> None:
    inner = boot_image(tmp_path / "winre.wim", pe_files())
    windows = windows_files() | {"Windows/System32/Recovery/Winre.wim": inner.read_bytes()}
    wim = boot_wim(tmp_path / "install.wim", windows)
    with prepared_boot_image(wim, ANY) as image:
        assert (image.source, image.name, image.path.read_bytes()) == (wim, "Image 1", inner.read_bytes())
        assert image.warnings == (f"{wim} image 1: is a whole Windows; the medium starts its recovery environment",)
        made = image.path
    assert not made.exists()


@pytest.mark.foreign
def test_an_image_on_a_disc_stays_there(setup: Path, tmp_path: Path) -> None:
    (tmp_path / "medium" / "sources").mkdir(parents=True)
    (tmp_path / "medium" / "sources" / "boot.wim").write_bytes(setup.read_bytes())
    judges.output("genisoimage", "-quiet", "-udf", "-o", tmp_path / "x.iso", tmp_path / "medium")
    (tmp_path / "link.iso").symlink_to("x.iso")
    with prepared_boot_image(f"{tmp_path}/link.iso!sources/boot.wim", ANY) as image:
        assert b"".join(boot_wim_file(image).contents.pieces()) == setup.read_bytes()


def test_what_starts_nothing_is_refused(tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", {"a": b"a"}, windows_files(), pe_files())
    with pytest.raises(InvalidInput, match="starts nothing"):
        entered(wim, ImageSelector(index=1))
    with pytest.raises(InvalidInput, match="without a recovery environment, and no boot image"):
        entered(wim, ImageSelector(index=2))
    with pytest.raises(ImageNotFound, match="3 images"):
        entered(wim, ANY)


@pytest.mark.foreign
def test_an_image_in_several_parts_is_put_together(tmp_path: Path) -> None:
    noise = {name: Random(name).randbytes(50_000) for name in ("a", "b")}
    whole = boot_wim(tmp_path / "whole.wim", pe_files() | noise, boot=1)
    judges.wimlib("split", whole, tmp_path / "boot.swm", "0.05")
    assert (tmp_path / "boot2.swm").exists()
    with prepared_boot_image(tmp_path / "boot.swm", ANY) as image:
        judges.wimlib("verify", image.path)
        assert facts(image.path) == ["1", "LZX", "1"]
        assert "has contents in other files" in image.warnings[0]
