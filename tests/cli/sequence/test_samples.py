"""The samples of ``fixtures/tasksequence`` with all that a site, a share and a Windows would know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import sequence_packages
from cases.boot_drivers import storage_package
from cases.windows_trees import write_tree
from judges import batch
from judges import disk as disk_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.drivers.store.catalog import open_catalog
from osdimage.imaging.drivers.store.importing import ImportWish, import_drivers
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

FIXTURES = Path(__file__).parents[3] / "fixtures" / "tasksequence"
SIZE = 700 << 20
START = "/ProgramData/osdimage/FirstStart"
POWERSHELL = "/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
USER_STATE = ("RequestStateStore", "CaptureUserState", "RestoreUserState", "ReleaseStateStore")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that give what the samples need: packages, a share, updates, drivers, and facts."""
    folder = tmp_path_factory.mktemp("given")
    packages = sequence_packages.packages(folder / "packages")
    # Joining behind a step that waits takes PowerShell.
    shell = write_tree(folder / "shell", {"powershell.exe": b"MZ"}) / "powershell.exe"
    judges.wimlib("update", packages["ABC00001"], "1", f"--command=add '{shell}' '{POWERSHELL}'")
    client = write_tree(folder / "client", {"ccmsetup.exe": b"MZ client"})
    updates = write_tree(folder / "updates", {"windows6.1-kb1.msu": b"msu", "kb2.cab": b"cab"})
    (folder / "captures").mkdir()
    drivers = write_tree(folder / "drivers", storage_package("viostor", folder="viostor"))
    with open_catalog(folder / "drivers.db", creates=True) as catalog:
        import_drivers(catalog, [drivers], ImportWish())
    named = [f"--package={name}={path}" for name, path in (packages | {"ABC00004": client}).items()]
    rest = {
        "--updates": updates,
        "--share": rf"\\server\captures={folder / 'captures'}",
        "--catalog": folder / "drivers.db",
        "--drivers-for": "qemu",
        "--facts": "qemu",
        "--var": "_SMSTSMachineName=PC-0042",
        "--size": f"{SIZE}B",
        "--firmware": "bios",
    }
    # The samples name no package of the client.
    client_id = "--var=_SMSClientPackageID=ABC00004"
    return [*named, client_id, *(f"{name}={value}" for name, value in rest.items())]


Run = Callable[..., Outcome]


@pytest.fixture
def run(given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "state"))

    def osdimage_run(sequence: str, *options: str, code: int = 0) -> Outcome:
        words = ("run", FIXTURES / f"{sequence}.xml", f"--disk=0={tmp_path / 'disk.img'}", *given, *options)
        return osdimage(*words, code=code)

    return osdimage_run


# The counts are of the steps of the files, by their types and conditions: grep '<step ' shows them.
@pytest.mark.parametrize(
    ("name", "total"), [("existing-image", 17), ("build-and-capture", 12), ("standalone-media", 13), ("mdt-client", 4)]
)
def test_of_a_sample_only_user_state_is_refused(run: Run, name: str, total: int) -> None:
    # Steps of user state are refused whatever is given, and left out here.
    without = [f"--leave-out={kind}" for kind in USER_STATE]
    plan = run(name, *without, "--dry-run", "--json").document
    assert plan["counts"]["refused"] == 0
    assert len(plan["steps"]) == total
    assert sum(plan["counts"].values()) == total
    left = {step["type"] for step in plan["steps"] if step["class"] == "left-out"}
    assert left <= {f"SMS_TaskSequence_{kind}Action" for kind in USER_STATE}
    assert plan["problems"] == []


def test_what_a_sample_leaves_to_the_first_start_is_on_its_disk(run: Run, tmp_path: Path) -> None:
    report = run("existing-image", *(f"--leave-out={kind}" for kind in USER_STATE), "--yes", "--json").document
    states = {step["name"]: step["state"] for step in report["steps"]}
    assert (states["Setup Windows and ConfigMgr"], states["Install Updates"]) == ("succeeded", "staged")
    volume = disk_judges.partition_of(tmp_path / "disk.img", 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    found = {path: kind for path, kind in ntfs_judges.contents(volume).items() if path.startswith(START)}
    names = {path.rpartition("/")[2] for path in found}
    assert {"run.cmd", "ccmsetup.exe", "windows6.1-kb1.msu", "kb2.cab"} <= names
    commands = [ntfs_judges.plain_contents(volume, path) for path in found if path.endswith("/step.cmd")]
    whole = b"\n".join(commands).decode("cp437")
    assert "ccmsetup.exe" in whole
    for each in commands:
        assert batch.faults(each, ("OSDImageFirstStart",)) == []
    told = osdimage("run", "--collect", tmp_path / "disk.img", "--partition", "3")
    assert [line.split()[-2:] for line in told.out.splitlines() if "Install Updates" in line] == [["not", "reached"]]
    assert "has not started its first start yet" in told.out
