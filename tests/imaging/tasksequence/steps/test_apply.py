"""Apply Operating System and Apply Data Image, judged by ntfs-3g's tools, mtools, fsck.fat, wimlib-imagex and 7-Zip."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cases.older_windows import older_files
from cases.sequence import GPT, MBR, MIB, Log, blank_disk, capture, computer, run, stamp, tell, windows_tree
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.disk import partition_of
from judges.disk import run as disk_judges
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import Action, Events
from osdimage.imaging.tasksequence.steps.apply_data import apply_data_image, forecast_apply_data_image
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system, forecast_apply_operating_system
from osdimage.imaging.tasksequence.steps.partition_disk import forecast_partition_disk, partition_disk
from osdimage.imaging.volume.filesystems import open_files
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

INVALID_DATA, NOT_SUPPORTED, E_INVALIDARG, DISK_FULL = 0x8007000D, 0x80070032, 0x80070057, 0x80070070
IMAGE = {"ImagePackageID": "ABC00001"}
USER = """<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">
<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
language="neutral" versionScope="nonSxS"><ComputerName>FROM-USER</ComputerName></component></settings></unattend>"""


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a WIM with Windows 10 (1, known by its kernel), data (2) and Windows 7 for x86 (3, known by the XML)."""
    folder = tmp_path_factory.mktemp("wim")
    path = capture(windows_tree(folder / "os"), folder / "install.wim", "Windows")
    data = folder / "data"
    (data / "Tools").mkdir(parents=True)
    (data / "Tools" / "tool.txt").write_text("a tool")
    capture(data, path, "Data", append=True)
    other = folder / "other"
    (other / "Windows").mkdir(parents=True)
    capture(other, path, "Windows 7", append=True)
    # corpus: w7_install_wim_info.txt, image 1
    tell(path, 3, "6.1.7600", "x86")
    return path


def prepared(tmp_path: Path, wim: Path, layout: dict[str, str] = GPT) -> tuple[Path, Machine, Environment]:
    disk = blank_disk(tmp_path / "disk.img", 300 * MIB if layout is GPT else 128 * MIB)
    machine, env = computer(disk, ABC00001=wim), Environment()
    run(partition_disk, env, machine, layout)
    return disk, machine, env


def fails(
    action: Action, env: Environment, machine: Machine, variables: dict[str, str], **properties: str
) -> ActionFailed:
    with env.step_defaults(variables, IMAGE | properties), pytest.raises(ActionFailed) as caught:
        action(env, machine, Log().events)
    return caught.value


def put(disk: Path, partition: int, files: dict[str, bytes]) -> None:
    with open_volume(disk, partition, write=True) as volume, open_files(volume, write=True) as opened:
        for path, data in files.items():
            opened.write(path, data)


def test_windows_and_data_are_applied_to_the_volumes_in_their_turn(wim: Path, tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, wim)
    config = tmp_path / "config"
    config.mkdir()
    (config / "Answers.XML").write_text(
        USER.replace("</unattend>", '<settings pass="windowsPE"><a/></settings></unattend>')
    )
    machine.packages["abc00002"] = config
    log = Log()
    result = run(
        apply_operating_system,
        env,
        machine,
        {"OSDImageIndex": "1", "OSDConfigFileName": "answers.xml"},
        IMAGE | {"ConfigFilePackage": "ABC00002"},
        log=log,
    )
    assert result.outputs == ("OSDTargetSystemDrive", "OSDTargetSystemRoot")
    assert (env["OSDTargetSystemDrive"], env["OSDTargetSystemRoot"]) == ("C:", "C:\\Windows")
    assert result.message == "applied image 1 'Windows' to disk 0 partition 3 (C:): Windows 10.0 for x64"
    answers_said = [text for text in result.warnings if "Answers.XML" in text]
    assert "the pass windowsPE is not used by an image that is applied" in answers_said[-1]
    assert log.percents == sorted(log.percents)
    assert log.percents[-1] == 100
    run(apply_data_image, env, machine, {"OSDDataImageIndex": "2"}, IMAGE)
    assert machine.used == [Place(0, 3), Place(0, 4)]
    volume = partition_of(disk, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/Windows/Größe 😀.txt") == "contents"
    answers = judges.output("ntfscat", volume, "/Windows/Panther/unattend.xml")
    texts = [each.text for each in ET.fromstring(answers).iter()]  # noqa: S314 - osdimage wrote it
    assert "FROM-USER" in texts
    assert answers.count('processorArchitecture="amd64"') == 2
    again, only = tmp_path / "again.wim", tmp_path / "only.wim"
    judges.wimlib("capture", volume, again)
    judges.wimlib("export", wim, "1", only)
    theirs, mine = judges.seven_zip_files(only)[1], judges.seven_zip_files(again)[1]
    assert {path: file.sha1 for path, file in theirs.items()}.items() <= {
        path: file.sha1 for path, file in mine.items()
    }.items()
    data = partition_of(disk, 4, tmp_path / "data.fat")
    judges.run("fsck.fat", "-n", data)
    assert judges.run("mtype", "-i", data, "::/Tools/tool.txt") == "a tool"
    failed = fails(apply_data_image, env, machine, {"OSDDataImageIndex": "2"})
    assert failed.code == E_INVALIDARG
    assert "no formatted volume left" in str(failed)


# What each Windows says of itself, as wiminfo shows it for Microsoft's own images (Windows 7, 8, 10, Server 2012 R2 and
# 2019), and the published version numbers of the others.  Before Vista: sysprep\sysprep.inf.
VERSIONS = {
    "2000": ("5.0.2195", "x86", "WINNT", "sysprep/sysprep.inf"),
    "XP": ("5.1.2600", "x86", "WINDOWS", "sysprep/sysprep.inf"),
    "Server 2003 x64": ("5.2.3790", "x64", "WINDOWS", "sysprep/sysprep.inf"),
    "Vista": ("6.0.6002", "x86", "Windows", "Windows/Panther/unattend.xml"),
    "7": ("6.1.7600", "x86", "WINDOWS", "WINDOWS/Panther/unattend.xml"),
    "8": ("6.2.9200", "x64", "WINDOWS", "WINDOWS/Panther/unattend.xml"),
    "Server 2012 R2": ("6.3.9600", "x64", "WINDOWS", "WINDOWS/Panther/unattend.xml"),
    "10": ("10.0.18362", "x64", "WINDOWS", "WINDOWS/Panther/unattend.xml"),
    "11": ("10.0.22000", "arm64", "WINDOWS", "WINDOWS/Panther/unattend.xml"),
}


@pytest.mark.parametrize(("version", "architecture", "root", "answers"), VERSIONS.values(), ids=VERSIONS)
def test_each_windows_gets_the_answer_file_that_it_reads(
    tmp_path: Path, version: str, architecture: str, root: str, answers: str
) -> None:
    (tmp_path / "tree" / root).mkdir(parents=True)
    made = capture(tmp_path / "tree", tmp_path / "windows.wim")
    tell(made, 1, version, architecture, root)
    disk, machine, env = prepared(tmp_path, made, MBR)
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert env["OSDTargetSystemRoot"] == f"C:\\{root}"
    volume = partition_of(disk, 1, tmp_path / "volume.ntfs")
    text = judges.output("ntfscat", volume, answers)
    wanted = {"x86": "x86", "x64": "amd64", "arm64": "arm64"}[architecture]
    assert ("[GuiUnattended]" in text) is answers.endswith(".inf")
    assert (f'processorArchitecture="{wanted}"' in text) is answers.endswith(".xml")


def test_a_wipe_leaves_the_folders_of_the_task_sequence(wim: Path, tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, wim)
    kept = {
        "_SMSTaskSequence/TSEnv.dat": b"state",
        "SMSTSLog/smsts.log": b"log",
        "Users/State/USMT.MIG": b"user state",
    }
    put(disk, 3, kept | {"Windows/System32/old.dll": b"old", "Users/gone.txt": b"gone"})
    env.set_read_only("_SMSTSUserStatePath", r"c:\users\state")
    env["OSDStateStorePath"] = r"\\server\share\state"
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    volume = partition_of(disk, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    for path, data in kept.items():
        assert judges.output("ntfscat", volume, path) == data.decode()
    assert "old.dll" not in judges.output("ntfsls", "-p", "/Windows/System32", volume)
    assert "gone.txt" not in judges.output("ntfsls", "-p", "/Users", volume)


def test_without_a_wipe_data_is_joined_with_what_is_there(wim: Path, tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, wim)
    put(disk, 3, {"Tools/mine.txt": b"mine", "Tools/tool.txt": b"old"})
    variables = {"OSDDataImageIndex": "2", "OSDWipeDestinationPartition": "FALSE"}
    result = run(apply_data_image, env, machine, variables, IMAGE | {"DestinationLogicalDrive": "c:"})
    assert result.message == "applied image 2 'Data' to disk 0 partition 3 (C:)"
    volume = partition_of(disk, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/Tools/mine.txt") == "mine"
    assert judges.output("ntfscat", volume, "/Tools/tool.txt") == "a tool"
    run(
        apply_data_image,
        env,
        machine,
        variables | {"OSDWipeDestinationPartition": "true"},
        IMAGE | {"DestinationLogicalDrive": "C:"},
    )
    judges.assert_ntfs_clean(partition_of(disk, 3, volume))
    assert "mine.txt" not in judges.output("ntfsls", "-p", "/Tools", volume)


DESTINATIONS = {
    "disk and partition": ({"DestinationDisk": "0", "DestinationPartition": "4"}, {}, 4),
    "drive": ({"DestinationLogicalDrive": "D:"}, {}, 4),
    "variable with a drive": ({"DestinationVariable": "datadrive"}, {}, 4),
    "variable with numbers": ({"DestinationVariable": "Where"}, {"Where": "0, 3"}, 3),
    "next": ({}, {}, 3),
}


@pytest.mark.parametrize(("properties", "variables", "number"), DESTINATIONS.values(), ids=DESTINATIONS)
def test_the_destination_is_found(
    wim: Path, tmp_path: Path, properties: dict[str, str], variables: dict[str, str], number: int
) -> None:
    _, machine, env = prepared(tmp_path, wim)
    for name, value in variables.items():
        env[name] = value
    run(apply_data_image, env, machine, {"OSDDataImageIndex": "2"}, IMAGE | properties)
    assert machine.used == [Place(0, number)]


def test_partitions_are_counted_as_windows_does(wim: Path, tmp_path: Path) -> None:
    layout = MBR | {
        "OSDPartitions0Size": "100",
        "OSDPartitions1Type": "Extended",
        "OSDPartitions2Type": "Logical",
        "OSDPartitions2FileSystem": "NTFS",
        "OSDPartitions2QuickFormat": "true",
    }
    _, machine, env = prepared(tmp_path, wim, layout)
    place = {"DestinationDisk": "0", "DestinationPartition": "2"}
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE | place)
    # Its number in Linux is 5: the extended partition, which Windows does not count, comes before.
    assert machine.used == [Place(0, 5)]
    assert env["OSDTargetSystemDrive"] == "D:"


WRONG_PLACES = {
    "two forms": ({"DestinationDisk": "0", "DestinationLogicalDrive": "C:"}, E_INVALIDARG, "are two destinations"),
    "disk without partition": ({"DestinationDisk": "0"}, E_INVALIDARG, "DestinationPartition is missing"),
    # SDK, SMS_TaskSequence_ApplyDataImageAction: the partition is one of a disk, not a destination of its own.
    "partition without disk": ({"DestinationPartition": "4"}, E_INVALIDARG, "goes with DestinationDisk alone"),
    "partition of a drive": (
        {"DestinationLogicalDrive": "C:", "DestinationPartition": "4"},
        E_INVALIDARG,
        "goes with DestinationDisk alone",
    ),
    "no such disk": ({"DestinationDisk": "9", "DestinationPartition": "1"}, E_INVALIDARG, "there is no disk 9"),
    "disk too large": ({"DestinationDisk": "100", "DestinationPartition": "1"}, E_INVALIDARG, "DestinationDisk=100"),
    "no such partition": ({"DestinationDisk": "0", "DestinationPartition": "9"}, E_INVALIDARG, "it has: 1, 2, 3, 4"),
    "partition 0": ({"DestinationDisk": "0", "DestinationPartition": "0"}, E_INVALIDARG, "DestinationPartition=0"),
    "reserved partition": (
        {"DestinationDisk": "0", "DestinationPartition": "2"},
        NOT_SUPPORTED,
        "holds no file system",
    ),
    "no such drive": ({"DestinationLogicalDrive": "Q:"}, E_INVALIDARG, "drives of this machine: C:, D:"),
    "no drive": ({"DestinationLogicalDrive": "disk"}, E_INVALIDARG, "valid is a letter with a colon"),
    "no such variable": ({"DestinationVariable": "Nowhere"}, E_INVALIDARG, "there is no such variable"),
    "variable holds neither": ({"DestinationVariable": "Odd"}, E_INVALIDARG, "is no drive"),
    "variable with words": ({"DestinationVariable": "Words"}, E_INVALIDARG, "valid is disk,partition"),
}


@pytest.mark.parametrize(("properties", "code", "said"), WRONG_PLACES.values(), ids=WRONG_PLACES)
@pytest.mark.parametrize("action", [apply_operating_system, apply_data_image])
def test_a_wrong_destination_is_refused(
    ready: tuple[Machine, Path], action: Action, properties: dict[str, str], code: int, said: str
) -> None:
    machine, disk = ready
    env = Environment()
    env["Odd"], env["Words"] = "somewhere", "one,two"
    before = stamp(disk)
    failed = fails(action, env, machine, {"OSDImageIndex": "1", "OSDDataImageIndex": "1"}, **properties)
    assert failed.code == code
    assert said in str(failed)
    assert stamp(disk) == before


@pytest.fixture(scope="module")
def ready(wim: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """Make a machine for tests that change nothing."""
    disk, machine, _ = prepared(tmp_path_factory.mktemp("ready"), wim)
    return machine, disk


WRONG_OS = {
    "no index": ({"OSDImageIndex": ""}, {"DestinationLogicalDrive": "C:"}, E_INVALIDARG, "OSDImageIndex is missing"),
    "index 0": ({"OSDImageIndex": "0"}, {}, E_INVALIDARG, "1 to 2147483647"),
    "index beyond": ({"OSDImageIndex": "4"}, {}, E_INVALIDARG, "install.wim"),
    "index too large": ({"OSDImageIndex": "2147483648"}, {}, E_INVALIDARG, "OSDImageIndex=2147483648"),
    "index as text": ({"OSDImageIndex": "one"}, {}, E_INVALIDARG, "OSDImageIndex=one"),
    "no Windows": ({"OSDImageIndex": "2"}, {}, INVALID_DATA, "holds no Windows 2000 or later"),
    "no package": ({}, {"ImagePackageID": ""}, E_INVALIDARG, "ImagePackageID is missing"),
    "unknown package": ({}, {"ImagePackageID": "XYZ00001"}, E_INVALIDARG, "packages with one: ABC00001"),
    "installation source": ({}, {"ImagePackageID": "", "InstallPackageID": "A"}, E_INVALIDARG, "with one: ABC00001"),
    "layered driver": ({"OsdLayeredDriver": "6"}, {}, E_INVALIDARG, "the driver of the keyboard is that of the image"),
    "no file name": ({}, {"ConfigFilePackage": "ABC00001"}, E_INVALIDARG, "OSDConfigFileName is missing"),
    "long file name": (
        {"OSDConfigFileName": "x" * 256},
        {"ConfigFilePackage": "ABC00001"},
        E_INVALIDARG,
        "OSDConfigFileName has 256 characters",
    ),
    "no such file": ({"OSDConfigFileName": "a.xml"}, {"ConfigFilePackage": "ABC00001"}, E_INVALIDARG, "a.xml"),
    "not that format": (
        {"OSDConfigFileName": "install.wim"},
        {"ConfigFilePackage": "ABC00001"},
        INVALID_DATA,
        "install.wim is not text in UTF-8",
    ),
}


@pytest.mark.parametrize(("variables", "properties", "code", "said"), WRONG_OS.values(), ids=WRONG_OS)
def test_a_wrong_request_for_windows_is_refused(
    ready: tuple[Machine, Path], variables: dict[str, str], properties: dict[str, str], code: int, said: str
) -> None:
    machine, disk = ready
    before = stamp(disk)
    failed = fails(apply_operating_system, Environment(), machine, {"OSDImageIndex": "1"} | variables, **properties)
    assert (failed.code, said in str(failed)) == (code, True), failed
    assert stamp(disk) == before
    env = Environment()
    with env.step_defaults({"OSDImageIndex": "1"} | variables, IMAGE | properties):
        found = forecast_apply_operating_system(env, machine.rehearsal())
    assert said in found.problems[0]


def test_an_answer_file_that_is_too_large_is_refused(wim: Path, tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, wim, MBR)
    with (tmp_path / "huge.xml").open("wb") as file:
        file.truncate(8 * MIB + 1)
    machine.packages["CFG"] = tmp_path
    before = stamp(disk)
    variables = {"OSDImageIndex": "1", "OSDConfigFileName": "huge.xml"}
    failed = fails(apply_operating_system, env, machine, variables, ConfigFilePackage="CFG")
    assert failed.code == INVALID_DATA
    assert "is larger than 8.0 MB" in str(failed)
    assert stamp(disk) == before


WRONG_DATA = {
    "no index": ({"OSDDataImageIndex": ""}, {}, "OSDDataImageIndex is missing"),
    "index 0": ({"OSDDataImageIndex": "0"}, {}, "OSDDataImageIndex=0"),
    "no boolean": ({"OSDWipeDestinationPartition": "yes"}, {}, "OSDWipeDestinationPartition=yes"),
    "no package": ({}, {"ImagePackageID": ""}, "ImagePackageID is missing"),
}


@pytest.mark.parametrize(("variables", "properties", "said"), WRONG_DATA.values(), ids=WRONG_DATA)
def test_a_wrong_request_for_data_is_refused(
    ready: tuple[Machine, Path], variables: dict[str, str], properties: dict[str, str], said: str
) -> None:
    machine, _ = ready
    failed = fails(apply_data_image, Environment(), machine, {"OSDDataImageIndex": "2"} | variables, **properties)
    assert failed.code == E_INVALIDARG
    assert said in str(failed)


@pytest.mark.parametrize("planned", [False, True])
def test_an_image_that_is_too_large_fails_with_disk_full(tmp_path: Path, planned: bool) -> None:
    tree = windows_tree(tmp_path / "tree")
    with (tree / "huge.bin").open("wb") as file:
        file.write(bytes(range(256)) * 4096 * 80)
    made = capture(tree, tmp_path / "huge.wim")
    disk = blank_disk(tmp_path / "disk.img", 64 * MIB)
    machine, env = computer(disk, ABC00001=made), Environment()
    if planned:
        rehearsal = machine.rehearsal()
        with env.step_defaults(MBR | {"OSDImageIndex": "1"}, IMAGE):
            forecast_partition_disk(env, rehearsal)
            found = forecast_apply_operating_system(env, rehearsal)
        assert "choose a larger disk" in found.problems[0]
        return
    run(partition_disk, env, machine, MBR)
    before = stamp(disk)
    failed = fails(apply_operating_system, env, machine, {"OSDImageIndex": "1"})
    assert failed.code == DISK_FULL
    assert stamp(disk) == before


def test_all_images_go_to_all_volumes(tmp_path: Path) -> None:
    made = capture(windows_tree(tmp_path / "os"), tmp_path / "all.wim", "Windows")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "which").write_text("data")
    capture(tmp_path / "data", made, "Data", append=True)
    disk, machine, env = prepared(tmp_path, made)
    put(disk, 3, {"_SMSTaskSequence/UserState/a": b"kept", "gone": b"gone"})
    env.set_read_only("_SMSTSUserStatePath", r"C:\_SMSTaskSequence\UserState")
    result = run(apply_operating_system, env, machine, {}, IMAGE)
    assert result.message.startswith("applied image 1 'Windows' to disk 0 partition 3 (C:); image 2 'Data' to disk 0")
    volume = partition_of(disk, 3, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "/_SMSTaskSequence/UserState/a") == "kept"
    assert "gone" not in judges.output("ntfsls", volume)
    assert "HideEULAPage" in judges.output("ntfscat", volume, "/Windows/Panther/unattend.xml")
    assert judges.run("mtype", "-i", partition_of(disk, 4, tmp_path / "data.fat"), "::/which") == "data"
    failed = fails(apply_operating_system, env, machine, {})
    assert "no formatted volume left" in str(failed)
    machine.used.remove(Place(0, 4))
    assert "was filled by an earlier step" in str(fails(apply_operating_system, env, machine, {}))
    capture(tmp_path / "data", made, "More", append=True)
    machine.used.clear()
    assert "has 3 images, disk 0 has 2 volumes" in str(fails(apply_operating_system, env, machine, {}))


def test_images_of_several_disks_do_not_go_to_the_volumes_of_one(tmp_path: Path) -> None:
    disks = []
    for number in (0, 1):
        disks.append(tmp_path / f"{number}.img")
        disk_judges(["truncate", "-s", "24M", disks[-1]])
        disk_judges(["sfdisk", "-q", disks[-1]], text_in="label: dos\n,,7\n")
        osdimage("disk", "format", disks[-1], "--partition", "1", "--yes")
    osdimage("capture", *disks, tmp_path / "machine.wim", "--all-volumes")
    _, machine, env = prepared(tmp_path, tmp_path / "machine.wim")
    failed = fails(apply_operating_system, env, machine, {})
    assert "its images are of the disks 0 and 1 of a machine; valid here are those of one" in str(failed)


def test_a_wim_with_one_image_needs_no_index(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    capture(windows_tree(tmp_path / "os", version=(5, 1), architecture="x86"), package / "XP.wim")
    disk, machine, env = prepared(tmp_path, package, MBR)
    user = tmp_path / "sysprep.inf"
    user.write_text("[Unattended]\nOemSkipEula=No\n")
    machine.packages["CFG"] = tmp_path
    run(
        apply_operating_system, env, machine, {"OSDConfigFileName": "SYSPREP.INF"}, IMAGE | {"ConfigFilePackage": "cfg"}
    )
    text = judges.output("ntfscat", partition_of(disk, 1, tmp_path / "volume.ntfs"), "/sysprep/sysprep.inf")
    assert text.startswith("[Unattended]\nOemSkipEula=No\n")
    assert "OEMSkipRegional=1" in text
    capture(tmp_path / "os", package / "other.wim")
    machine.used.clear()
    assert "must hold one .wim file; there are: XP.wim, other.wim" in str(
        fails(apply_operating_system, env, machine, {"OSDImageIndex": "1"})
    )


def test_a_volume_without_letter_gets_one_for_windows(wim: Path, tmp_path: Path) -> None:
    _, machine, env = prepared(tmp_path, wim, MBR | {"OSDPartitions0AssignVolumeLetter": "false"})
    assert machine.letters == {}
    run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert env["OSDTargetSystemDrive"] == "C:"


def test_damage_in_the_wim_is_invalid_data(wim: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wim"
    broken.write_bytes(wim.read_bytes()[:5000])
    _, machine, env = prepared(tmp_path, broken, MBR)
    assert fails(apply_operating_system, env, machine, {"OSDImageIndex": "1"}).code == INVALID_DATA


def test_a_forecast_follows_the_steps_before(wim: Path, tmp_path: Path) -> None:
    disk = blank_disk(tmp_path / "disk.img")
    machine, env = computer(disk, ABC00001=wim), Environment()
    before, rehearsal = stamp(disk), machine.rehearsal()
    with env.step_defaults(GPT):
        forecast_partition_disk(env, rehearsal)
    with env.step_defaults({"OSDImageIndex": "1"}, IMAGE):
        first = forecast_apply_operating_system(env, rehearsal)
    with env.step_defaults({"OSDDataImageIndex": "2"}, IMAGE):
        second = forecast_apply_data_image(env, rehearsal)
        third = forecast_apply_data_image(env, rehearsal)
    assert first.problems == ()
    assert first.does == (
        "apply image 1 'Windows' to disk 0 partition 3 (C:): Windows 10.0 for x64, with Windows\\Panther\\unattend.xml"
    )
    assert second.does == "apply image 2 'Data' to disk 0 partition 4 (D:)"
    assert second.destroys == ("everything on disk 0 partition 4 (D:) but the task sequence's folders",)
    assert "no formatted volume left" in (third.hangs or "")
    assert env["OSDTargetSystemRoot"] == "C:\\Windows"
    assert (machine.used, machine.system, stamp(disk)) == ([], None, before)


# ---- starting


def bootable(tmp_path: Path, version: tuple[int, int] = (10, 0)) -> Path:
    tree = write_tree(tmp_path / "tree", windows_files(version=version))
    return capture(tree, tmp_path / "windows.wim", "Windows")


def test_a_gpt_disk_starts_the_windows_that_was_applied(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, bootable(tmp_path))
    log = Log()
    result = run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE, log=log)
    assert result.warnings == ()
    assert any("starts Windows 10.0 for x64 under UEFI" in text for _, text in log.lines)
    assert log.percents == sorted(log.percents)
    assert log.percents[-1] == 100
    esp = partition_of(disk, 1, tmp_path / "esp.fat")
    judges.run("fsck.fat", "-n", esp)
    assert judges.output("mtype", "-i", esp, "::/EFI/Microsoft/Boot/BCD").startswith("regf")
    assert "bootx64.efi" in judges.run("mdir", "-b", "-i", esp, "::/EFI/Boot").lower()
    judges.assert_ntfs_clean(partition_of(disk, 3, tmp_path / "volume.ntfs"))


def test_an_mbr_disk_starts_the_windows_that_was_applied(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, bootable(tmp_path, (6, 1)), MBR)
    result = run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert "disk 0 starts under BIOS, but the computer has UEFI" in result.warnings
    volume = partition_of(disk, 1, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert {"bootmgr", "Boot"} <= set(judges.output("ntfsls", volume).split())
    with disk.open("rb") as file:
        assert file.read(440).count(0) < 400


@pytest.mark.parametrize(
    ("version", "why"), [((5, 1), r"it has no \ntldr and \ntdetect.com"), ((6, 0), "it is older than Windows 7")]
)
def test_what_cannot_be_made_to_start_is_said(tmp_path: Path, version: tuple[int, int], why: str) -> None:
    made = capture(windows_tree(tmp_path / "tree", version=version), tmp_path / "old.wim")
    _, machine, env = prepared(tmp_path, made, MBR)
    result = run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert result.warnings == (f"Windows {version[0]}.{version[1]} for x64 is not made to start: {why}",)


def test_an_mbr_disk_starts_windows_xp_by_ntldr_and_a_gpt_does_not(tmp_path: Path) -> None:
    made = capture(write_tree(tmp_path / "tree", older_files()), tmp_path / "xp.wim")
    disk, machine, env = prepared(tmp_path, made, MBR)
    result = run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert result.warnings == ("disk 0 starts under BIOS, but the computer has UEFI",)
    volume = partition_of(disk, 1, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert {"NTLDR", "NTDETECT.COM", "boot.ini"} <= set(judges.output("ntfsls", volume).split())
    disk.unlink()
    _, machine, env = prepared(tmp_path, made)
    result = run(apply_operating_system, env, machine, {"OSDImageIndex": "1"}, IMAGE)
    assert result.warnings == ("Windows 5.1 for x86 is not made to start: it starts from MBR disks under a BIOS only",)


def test_a_boot_directory_without_its_loader_fails(tmp_path: Path) -> None:
    files = {path: data for path, data in windows_files().items() if not path.endswith("bootmgfw.efi")}
    made = capture(write_tree(tmp_path / "tree", files), tmp_path / "windows.wim")
    _, machine, env = prepared(tmp_path, made)
    failed = fails(apply_operating_system, env, machine, {"OSDImageIndex": "1"})
    assert failed.code == INVALID_DATA
    assert "bootmgfw.efi is missing" in str(failed)
    assert machine.system is None


def test_a_step_that_is_tried_again_goes_on_over_what_it_left(wim: Path, tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, wim, MBR)
    number = {"OSDImageIndex": "1"}
    broken = tmp_path / "broken.wim"
    data = bytearray(wim.read_bytes())
    # A blob of this WIM, behind its header of 208 bytes.
    data[100_000:100_064] = bytes(64)
    broken.write_bytes(data)
    machine.packages["ABC00001"] = broken
    assert fails(apply_operating_system, env, machine, number).code == INVALID_DATA
    assert judges.is_dirty(partition_of(disk, 1, tmp_path / "volume.ntfs"))
    machine.packages["ABC00001"] = wim
    assert "marked dirty" in str(fails(apply_operating_system, env, machine, number))
    with env.step_defaults(number, IMAGE):
        assert apply_operating_system(env, machine, Events(is_repeated=True)).ok
    volume = partition_of(disk, 1, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    assert not judges.is_dirty(volume)
