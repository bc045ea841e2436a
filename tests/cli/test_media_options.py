"""The options that all commands share that make media, tried with a command that tells what they open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from cases.media import boot_files, boot_image, medium_files
from cases.windows_trees import write_tree
from click.testing import CliRunner
from osdimage.cli import params
from osdimage.cli.media import boot_params
from osdimage.cli.media.boot_params import BootGiven
from osdimage.cli.render import Reporter
from runs.commands import closing_wims


@click.command()
@click.option("--stick", is_flag=True)
@boot_params.options
@params.output()
def tell(stick: bool, given: BootGiven, reporter: Reporter) -> None:
    with given.opened(reporter, is_disc=not stick) as boot:
        told = {
            "files": {each.path: each.origin for each in boot.files},
            "image": [str(boot.image.source), boot.image.index],
            "others": len(boot.others),
            "firmware": sorted(boot.parts.firmware),
            "warnings": boot.warnings,
        }
    click.echo(json.dumps(told))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("options")
    boot_image(made / "boot.wim", boot_files(), boot_files(), boot=2)
    boot_image(made / "bare.wim", boot_files(dvd=False))
    medium = medium_files() | {"sources/boot.wim": (made / "bare.wim").read_bytes()}
    write_tree(made / "medium", medium)
    return made


def run(*arguments: object, code: int = 0) -> Any:
    with closing_wims():
        result = CliRunner().invoke(tell, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if code == 0 else result.output


def test_the_image_that_a_wim_starts_is_taken_and_all_files_are_there(folder: Path) -> None:
    told = run("--boot-image", folder / "boot.wim")
    assert (told["image"], told["firmware"], told["others"]) == ([str(folder / "boot.wim"), 2], ["bios", "uefi"], 0)
    assert told["files"]["sources/boot.wim"] == str(folder / "boot.wim")
    assert {"bootmgr", "efi/boot/bootx64.efi", "boot/bcd"} < told["files"].keys()


def test_an_image_is_chosen_by_its_number_unless_a_file_is_called_so(folder: Path, tmp_path: Path) -> None:
    told = run("--boot-image", f"{folder}/boot.wim:1")
    assert "does not start image 1 by itself" in told["warnings"][0]
    (tmp_path / "x.wim:1").symlink_to(folder / "bare.wim")
    told = run("--boot-image", f"{tmp_path}/x.wim:1", "--stick", "--boot-files-from", f"{folder}/boot.wim:-1")
    assert told["image"] == [f"{tmp_path}/x.wim:1", 1]
    assert told["files"]["boot/boot.sdi"].startswith(f"{folder}/boot.wim image 2")


def test_the_boot_image_of_a_medium_starts_and_its_files_are_taken(folder: Path) -> None:
    told = run("--source", folder / "medium")
    assert told["files"]["sources/boot.wim"] == str(folder / "medium/sources/boot.wim")
    assert told["files"]["sources/setup.exe"] == str(folder / "medium/sources/setup.exe")
    assert told["files"]["Boot/BCD"] == "made"
    assert told["files"]["Boot/bootfix.bin"] == str(folder / "medium/Boot/bootfix.bin")
    lowered = [path.lower() for path in told["files"]]
    assert len(lowered) == len(set(lowered))


def test_a_medium_that_asks_nobody_has_no_question_of_its_source(folder: Path) -> None:
    told = run("--source", folder / "medium", "--no-prompt", "--firmware", "bios")
    assert not [path for path in told["files"] if "bootfix" in path.lower()]


def test_several_boot_images_are_on_one_medium(folder: Path) -> None:
    told = run("--boot-image", folder / "boot.wim", "--boot-image", folder / "bare.wim")
    assert told["others"] == 1
    assert told["files"]["sources/boot2.wim"] == str(folder / "bare.wim")


def test_what_is_set_in_the_boot_image_is_in_a_copy_of_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "unattend.xml").write_text("<unattend xmlns='urn:schemas-microsoft-com:unattend'/>")
    told = run("--boot-image", folder / "boot.wim", "--pe-unattend", tmp_path / "unattend.xml")
    assert told["image"] == [str(folder / "boot.wim"), 1]


@pytest.mark.parametrize(("arguments", "said"), [
    pytest.param([], "say what starts, with --boot-image WIM", id="nothing"),
    pytest.param(["--boot-image", "none.wim"], "none.wim", id="no file"),
    pytest.param(["--boot-image", "boot.wim:0"], "0 is no index", id="no index"),
    pytest.param(["--source", "empty"], "empty has no sources/boot.wim", id="a source without one"),
])  # fmt: skip
def test_without_a_boot_image_it_is_a_usage_error(
    arguments: list[str], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir(exist_ok=True)
    assert said in run(*arguments, code=2)
