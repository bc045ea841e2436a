"""``--json``: each command prints one document, of the shape in its schema, or an error object."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from cases import boot_drivers, boot_images, driver_files, driver_packages, infs, media, netboot, udf, windows_trees
from cases.installed_drivers import windows_10_tree
from jsonschema import Draft202012Validator
from judges import mounts
from osdimage.cli.app import cli
from osdimage.cli.schemas import whole_schema
from osdimage.imaging.errors import StorageError
from osdimage.imaging.firststart import FOLDER, FirstStep, first_start_files
from osdimage.imaging.registry.write import new_hive, write_hive
from runs.commands import Outcome, osdimage

ERROR_MEMBERS = {"code", "kind", "message", "where", "errno", "remedy", "problems", "candidates"}

SEQUENCE = """\
name: Names
steps:
  - step: Set a name
    type: SetVariable
    variables: {VariableName: OSDComputerName, VariableValue: PC}
"""

# What prints each kind, in an order in which each finds what it needs.
COMMANDS = {
    "capture": "capture tree one.wim",
    "info": "info one.wim",
    "list": "list one.wim",
    "verify": "verify one.wim",
    "extract": "extract one.wim /sub --to extracted",
    "export": "export one.wim two.wim",
    "export-split": "export one.wim two.swm --split-size 1MB",
    "split": "split one.wim parts.swm --size 1MB",
    "join": "join joined.wim parts.swm",
    "optimize": "optimize two.wim",
    "apply": "apply one.wim applied",
    "apply-also": "apply one.wim more --also others",
    "compare": "compare one.wim applied",
    "diff": "diff three.wim:1 three.wim:other",
    "media-show": "media show disc.iso",
    "media-verify": "media verify disc.iso",
    "media-list": "media list disc.iso",
    "media-extract": "media extract disc.iso / --to from-disc",
    "media-iso": "media iso pe.iso --boot-image starts.wim",
    "media-sdi": "media sdi boot.sdi --create",
    "media-usb": "media usb pe.img --boot-image starts.wim",
    "media-boot": "media boot from-share.iso --boot-image starts.wim --server smb://server/share",
    "media-capture": "media capture pc.iso --boot-image starts.wim --destination smb://server/share/a.wim --name A",
    "media-netboot": "media netboot netboot --boot-image pe=net/pe.wim --wimboot net/wimboot --ipxe net/ipxe",
    "media-standalone": "media standalone lab.iso --boot-image starts.wim --sequence names.yaml",
    "mount": "mount one.wim mounted",
    "unmount": "unmount mounted",
    "update": "update two.wim --add one.reg=/added.reg",
    "delete": "delete three.wim --index 2",
    "disk-plan": "disk plan --preset data-gpt --size 1GB",
    "disk-init": "disk init plain.img --preset data-gpt --size 1GB",
    "disk-show": "disk show plain.img",
    "disk-check": "disk check plain.img",
    "disk-format": "disk format plain.img --partition 2 --yes",
    "disk-backup": "disk backup plain.img saved.json",
    "disk-restore": "disk restore plain.img saved.json --yes --no-backup",
    "deploy-plan": "deploy windows.wim disk.img --preset uefi --size 4GB --dry-run",
    "deploy": "deploy windows.wim disk.img --preset uefi --size 4GB",
    "deploy-plans": "deploy windows.wim 1.img --also 2.img --preset data-gpt --size 100MB --dry-run",
    "deploy-also": "deploy windows.wim 1.img --also 2.img --preset data-gpt --size 100MB",
    "deploy-set-plan": "deploy machine.wim --layout-from-wim --disk 0=n0.img --disk 1=n1.img --size 60MB --dry-run",
    "deploy-set": "deploy machine.wim --layout-from-wim --disk 0=n0.img --disk 1=n1.img --size 60MB",
    "boot-install": "boot install disk.img --partition 3",
    "boot-show": "boot show disk.img",
    "boot-check": "boot check disk.img",
    "boot-fix": "boot fix disk.img",
    "bootimage-show": "bootimage show pe.wim",
    "bootimage-export": "bootimage export pe.wim pe-alone.wim",
    "bootimage-add-driver": "bootimage add-driver pe-alone.wim --driver driver",
    "bootimage-files": "bootimage files pe.wim --to net --driver driver",
    "bootimage-set": "bootimage set pe.wim --scratch 64",
    "driver-check": "driver check drivers",
    "driver-match": "driver match drivers --for qemu --os 10.0.22631",
    "driver-show": "driver show drivers",
    "driver-installed": "driver installed drivers.wim",
    "driver-export-installed": "driver export-installed drivers.wim taken-out",
    "driver-import": "driver import offered --catalog drivers.db --category Guests --package First",
    "driver-list": "driver list --catalog drivers.db",
    "driver-set": "driver set scsi --disable --platform 10.0-amd64 --catalog drivers.db",
    "driver-package-create": "driver package create Second net --catalog drivers.db",
    "driver-package-add": "driver package add Second net --catalog drivers.db",
    "driver-package-list": "driver package list --catalog drivers.db",
    "driver-package-show": "driver package show Second --catalog drivers.db",
    "driver-package-export": "driver package export Second exported --catalog drivers.db",
    "driver-package-remove": "driver package remove Second net --catalog drivers.db",
    "driver-package-delete": "driver package delete Second --catalog drivers.db",
    "driver-remove": "driver remove scsi --catalog drivers.db",
    "driver-add": "driver add windows-10 --driver storage --boot-critical viostor --yes",
    "registry-get": "registry get hive",
    "registry-set": "registry set hive Key text --value Name",
    "registry-export": "registry export hive",
    "registry-import": "registry import hive one.reg",
    "run-plan": "run names.yaml --disk 0=plain.img --dry-run",
    "run": "run names.yaml --disk 0=plain.img --yes",
    "run-actions": "run --actions",
    "run-explain": "run --explain PartitionDisk",
    "run-yaml": "run --explain yaml",
    "run-answers": "run --explain answers",
    "run-results": "run --collect first.img",
    "facts": "facts qemu",
    "facts-line": "facts --for-windows",
    "schema": "schema error",
    "doctor": "doctor",
}
NEEDS_FUSE = {"mount", "unmount"}


def verbs(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from verbs(command, *above, name)
        elif name != "help":
            yield (*above, name)


VERBS = list(verbs(cli))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the commands run."""
    return tmp_path_factory.mktemp("json")


@pytest.fixture(scope="module")
def printed(place: Path) -> dict[str, Outcome]:
    """Return what each command printed, all of them run once, one after the other."""
    (place / "tree" / "sub").mkdir(parents=True)
    (place / "tree" / "sub" / "Grüße.txt").write_bytes(b"1")
    (place / "mounted").mkdir()
    (place / "names.yaml").write_text(SEQUENCE, encoding="utf-8")
    (place / "one.reg").write_text("REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\HIVE\\Made]\n", encoding="ascii")
    (place / "hive").write_bytes(write_hive(new_hive("SYSTEM")))
    for stem in ("scsi", "net"):
        driver_files.write_driver(
            place / "offered", driver_files.inf_text(stem, (f"PCI\\VEN_{stem}",), device=stem), stem=stem
        )
    (place / "disc.iso").write_bytes(udf.build(udf.Node(children=[udf.Node("file", b"1")])).data)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("OSDIMAGE_STATE_DIR", str(place / "state"))
        osdimage("capture", "tree", "three.wim")
        osdimage("capture", "tree", "three.wim", "--append", "--name", "other")
        osdimage("capture", windows_trees.write_tree(place / "windows", windows_trees.windows_files()), "windows.wim")
        infs.write_drivers(place / "drivers")
        windows_trees.write_tree(place / "storage", boot_drivers.storage_package())
        osdimage("capture", windows_trees.write_tree(place / "windows-10", windows_10_tree()), "drivers.wim")
        windows_trees.write_tree(place / "driver", driver_packages.package("viodisk"))
        media.boot_image(place / "starts.wim")
        boot_images.boot_wim(place / "pe.wim", boot_images.pe_files(), boot=1)
        (place / "net").mkdir()
        netboot.net_material(place / "net")
        started = {
            f"{FOLDER}\\{path}".replace("\\", "/"): data
            for path, data in first_start_files([FirstStep("one", ("@rem",))], "cp437").items()
        }
        osdimage("capture", windows_trees.write_tree(place / "started", started), "started.wim")
        osdimage("deploy", "started.wim", "first.img", "--preset", "data-gpt", "--size", "60MB")
        for disk in ("m0.img", "m1.img"):
            osdimage("deploy", "three.wim", disk, "--index", "1", "--preset", "data-gpt", "--size", "60MB")
        osdimage("capture", "m0.img", "m1.img", "machine.wim", "--all-volumes")
        return {kind: osdimage(*line.split(), "--json", code=None) for kind, line in COMMANDS.items()}


@pytest.fixture
def here(place: Path, printed: dict[str, Outcome], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder with what the commands left, which is the working directory."""
    assert printed
    monkeypatch.chdir(place)
    return place


def test_every_command_is_walked_over() -> None:
    kinds = {"-".join(words) for words in VERBS}
    more = {"apply-also", "deploy-also", "export-split", "deploy-plan", "deploy-plans", "run-plan", "run-actions"}
    more |= {"run-results", "facts-line"}
    assert kinds | more | {"run-explain", "run-yaml", "run-answers", "deploy-set", "deploy-set-plan"} == set(COMMANDS)


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_document_has_a_version_a_kind_and_what_its_schema_says(kind: str, printed: dict[str, Outcome]) -> None:
    outcome = printed[kind]
    if kind in NEEDS_FUSE:
        mounts.require_fuse()
    assert outcome.out.isascii()
    document = outcome.document
    assert (document["version"], document["kind"]) == (1, kind), outcome.err
    # As whoever takes the schema of the command does; `osdimage` of the tests wants more, and that of every document.
    Draft202012Validator(whole_schema(kind), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)


@pytest.mark.parametrize(("kind", "several", "key"), [
    ("verify", "verify one.wim two.wim", "wims"),
    ("capture", "capture disk.img again.wim --all-volumes", "images"),
    ("compare", "compare all.wim disk.img --all-volumes", "volumes"),
    ("apply", "apply all.wim disk.img --all-volumes --wipe --yes", "volumes"),
])  # fmt: skip
def test_the_shape_does_not_depend_on_how_many_there_are(
    kind: str, several: str, key: str, printed: dict[str, Outcome], here: Path
) -> None:
    one = printed[kind].document
    if not (here / "all.wim").exists():
        osdimage("capture", "disk.img", "all.wim", "--all-volumes")
    more = osdimage(*several.split(), "--json").document
    assert set(one) == set(more)
    assert set(one[key][0]) == set(more[key][0])
    assert len(more[key]) > 1


EVENTS = [
    "apply one.wim events-applied",
    "boot install disk.img --partition 3",
    "bootimage add-driver pe.wim --driver driver",
    "bootimage export pe.wim pe-events.wim",
    "bootimage set pe.wim --scratch 128",
    "capture tree events.wim",
    "compare one.wim applied",
    "delete two-images.wim --index 2",
    "deploy windows.wim events.img --preset uefi --size 4GB",
    "disk check plain.img --partition 2",
    "disk format plain.img --partition 2 --yes",
    "driver add drivers.wim --driver storage --yes",
    "driver export-installed drivers.wim events-drivers",
    "driver import offered --catalog events.db",
    "export one.wim events-export.wim",
    "split one.wim events-parts.swm",
    "extract one.wim /sub --to events-extracted",
    "join events-joined.wim parts.swm",
    "optimize two.wim",
    "media extract disc.iso / --to events-disc",
    "media iso events.iso --boot-image starts.wim",
    "media usb events-stick.img --boot-image starts.wim",
    "media boot events-boot.iso --boot-image starts.wim --server https://server/",
    "media capture events-capture.iso --boot-image starts.wim --destination smb://server/share/a.wim --name A",
    "media netboot events-netboot --boot-image pe=net/pe.wim --wimboot net/wimboot --ipxe net/ipxe",
    "media verify disc.iso",
    "media standalone events-lab.iso --boot-image starts.wim --sequence names.yaml",
    "run names.yaml --disk 0=plain.img --yes",
    "update two.wim --add one.reg=/events.reg",
    "verify one.wim",
    "unmount mounted",
]


def test_every_command_with_events_is_walked_over() -> None:
    found = {words for words in VERBS if "--events" in osdimage(*words, "--help").out}
    assert found == {
        tuple(line.split()[: 1 + (line.split()[0] in {"boot", "bootimage", "disk", "driver", "media"})])
        for line in EVENTS
    }


@pytest.mark.parametrize("line", EVENTS)
@pytest.mark.usefixtures("here")
def test_events_on_stdout_leave_it_to_json_lines(line: str) -> None:
    if "two-images" in line:
        osdimage("capture", "tree", "two-images.wim")
        osdimage("capture", "tree", "two-images.wim", "--append", "--name", "other")
    if line.startswith("unmount"):
        mounts.require_fuse()
        osdimage("mount", "one.wim", "mounted")
    outcome = osdimage(*line.split(), "--events", "-")
    lines = outcome.out.splitlines()
    assert all(isinstance(json.loads(each), dict) for each in lines)
    assert lines or line.startswith("disk format")
    # What people read is on stderr.
    assert outcome.err


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_an_error_is_an_object_on_stdout_and_one_line_on_stderr(words: tuple[str, ...]) -> None:
    outcome = osdimage(*words, "--json", "--frobnicate", code=2)
    document = outcome.document
    assert (document["version"], document["kind"]) == (1, "error")
    error = document["error"]
    assert set(error) == ERROR_MEMBERS
    assert (error["code"], error["kind"]) == (2, "usage")
    assert "--frobnicate" in error["message"]
    (line,) = outcome.err.splitlines()
    question = error["message"].endswith("?")
    remedy = error["remedy"].replace("see ", "See ", 1) if question else error["remedy"]
    assert line == f"osdimage: {error['message']}{' ' if question else '; '}{remedy}"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("info hive", {"code": 3, "kind": "not-a-wim"}, id="input"),
        pytest.param("apply one.wim three.wim", {"code": 4, "kind": "target-refused"}, id="target"),
        pytest.param("info three.wim --name nobody", {"code": 2, "kind": "image-not-found"}, id="image"),
        pytest.param(
            "disk plan --var OSDPartitions0Type=a --var OSDPartitions1Type=b --size 1GB",
            {"code": 2, "kind": "invalid-layout"},
            id="layout",
        ),
        pytest.param("disk init plain.img --preset data-gpt", {"code": 2, "kind": "usage"}, id="unattended"),
        pytest.param(
            "disk backup plain.img /proc/saved.json",
            {"code": 1, "kind": "storage-error", "errno": "ENOENT", "where": "/proc/saved.json"},
            id="system",
        ),
        pytest.param("info one.wim --xml", {"code": 2, "kind": "usage"}, id="two documents"),
    ],
)
def test_an_error_object_says_what_the_line_says(line: str, expected: dict[str, Any]) -> None:
    outcome = osdimage(*line.split(), "--json", code=expected["code"])
    assert outcome.out.isascii()
    error = outcome.document["error"]
    assert {name: error[name] for name in expected} == expected
    told = outcome.err.removeprefix("osdimage: ").splitlines()
    if error["problems"]:
        assert [each.strip() for each in told[1:]] == error["problems"]
    else:
        assert told[0] == "; ".join(part for part in (error["message"], error["remedy"]) if part is not None)
        assert [each.strip() for each in told[1:]] == error["candidates"]


def test_a_command_that_printed_its_document_prints_no_error_beside_it(tmp_path: Path) -> None:
    (tmp_path / "blank.img").write_bytes(bytes(1 << 20))
    shown = osdimage("disk", "show", tmp_path / "blank.img", "--json", code=3)
    assert (shown.document["kind"], shown.document["scheme"]) == ("disk-show", None)
    assert shown.err.startswith("osdimage: ")


def test_a_list_that_fails_on_the_way_ends_with_the_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from osdimage.cli.wim import list as listing  # noqa: PLC0415 - the name of a builtin

    facts = listing.entry_facts

    def fails(entry: Any, *more: Any) -> dict[str, object]:
        if entry.path == "/sub":
            raise StorageError("the medium is gone", path="one.wim", errno=5)
        return facts(entry, *more)

    monkeypatch.setattr(listing, "entry_facts", fails)
    outcome = osdimage("list", here / "one.wim", "--json", code=1)
    assert [each["path"] for each in outcome.document["entries"]] == ["/"]
    assert outcome.document["error"] | {"code": 1, "errno": "EIO"} == outcome.document["error"]


def test_an_option_s_value_that_looks_like_json_asks_for_none(here: Path) -> None:
    outcome = osdimage("info", here / "one.wim", "--name", "--json", code=2)
    assert outcome.out == ""


def test_a_signal_is_an_error_object_too() -> None:
    code = """
import os, signal
from osdimage.cli.main import main
from osdimage.imaging import doctor
doctor.examine = lambda: os.kill(os.getpid(), signal.SIGTERM)
main()
"""
    words = [sys.executable, "-c", code, "doctor", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 143
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["kind"], error["message"]) == (143, "stopped", "stopped by SIGTERM")
