"""Made-up trees of Windows as drivers find them: a kernel that is a PE stub, and hives with what tells which it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource, split_path
from osdimage.imaging.registry.hive import Hive, Key, Value
from osdimage.imaging.registry.write import new_hive, write_hive

from cases.windows_trees import MACHINES, pe

Tree = dict[str, bytes]


class HeldFiles(FileSource):
    """Files that are held in memory, found whatever their case, as those of a volume are."""

    def __init__(self, files: Mapping[str, bytes], name: str = "held") -> None:
        super().__init__(name)
        self._files = dict(files)
        self.asked: list[str] = []

    def find(self, path: str) -> FileFacts | None:
        wanted = "/".join(split_path(path)).lower()
        for each, data in self._files.items():
            if each.lower() == wanted:
                return FileFacts(path, False, len(data), FileAttribute.ARCHIVE, None)
            if not wanted or each.lower().startswith(f"{wanted}/"):
                return FileFacts(path, True, 0, FileAttribute.DIRECTORY, None)
        return None

    def list(self, path: str = "") -> list[FileFacts]:
        parts = split_path(path)
        facts = self.find(path)
        if facts is None or not facts.is_directory:
            raise InvalidRequest(f"{self.name}: there is no directory {path!r}")
        start = "/".join((*parts, "")).lower()
        names = {each[len(start) :].split("/")[0] for each in self._files if each.lower().startswith(start)}
        found = ("/".join((*parts, name)) for name in sorted(names))
        return [
            FileFacts(each, one.is_directory, one.size, one.attributes, None)
            for each in found
            if (one := self.find(each))
        ]

    def _read(self, facts: FileFacts) -> bytes:
        self.asked.append(facts.path)
        wanted = "/".join(split_path(facts.path)).lower()
        return next(data for each, data in self._files.items() if each.lower() == wanted)


@dataclass(frozen=True)
class Made:
    """What a made-up Windows says of itself.

    Attributes:
        more: changes its hive SYSTEM before that is written, given the root and the control set.
    """

    version: tuple[int, int] = (10, 0)
    build: int = 22631
    architecture: str = "x64"
    product: str = "WinNT"
    suites: tuple[str, ...] = ("Terminal Server",)
    edition: str = "Professional"
    image_state: str | None = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
    setup_type: int = 2
    setup_command: str = "oobe\\windeploy.exe"
    control_set: int = 1
    folder: str = "Windows"
    has_database: bool = True
    has_drivers_hive: bool = True
    more: Callable[[Key, Key], None] | None = field(default=None, compare=False)


WINDOWS_7 = Made(
    (6, 1),
    7601,
    edition="Ultimate",
    has_database=False,
    has_drivers_hive=False,
    image_state="IMAGE_STATE_COMPLETE",
    setup_type=0,
    setup_command="",
)
WINDOWS_10 = Made(build=17763, edition="EnterpriseS")
WINDOWS_11 = Made()
WINDOWS_XP = Made(
    (5, 1),
    2600,
    "x86",
    edition="",
    suites=(),
    image_state=None,
    setup_type=1,
    setup_command="setup -newsetup -mini",
    folder="WINDOWS",
    has_database=False,
    has_drivers_hive=False,
)
SERVER_2022 = Made(
    build=20348, product="ServerNT", suites=("Terminal Server", "DataCenter"), edition="ServerDatacenter"
)


def make_tree(made: Made = WINDOWS_11) -> Tree:
    """Return the files of a Windows by path."""
    config = f"{made.folder}/System32/config"
    files = {
        f"{made.folder}/System32/ntoskrnl.exe": pe(MACHINES[made.architecture], version=made.version),
        f"{config}/SYSTEM": write_hive(system_hive(made)),
        f"{config}/SOFTWARE": write_hive(software_hive(made)),
        f"{made.folder}/explorer.exe": b"explorer",
    }
    if made.has_drivers_hive:
        files[f"{config}/DRIVERS"] = write_hive(drivers_hive())
    return files


def system_hive(made: Made) -> Hive:
    hive = new_hive("SYSTEM")
    root = hive.root
    for name, number in (("Current", 1), ("Default", made.control_set), ("Failed", 0), ("LastKnownGood", 1)):
        root.ensure("Select").set(Value.dword(name, number))
    control_set = root.ensure(f"ControlSet{made.control_set:03d}")
    options = control_set.ensure(r"Control\ProductOptions")
    options.set(Value.string("ProductType", made.product))
    options.set(Value.multi_string("ProductSuite", made.suites))
    environment = control_set.ensure(r"Control\Session Manager\Environment")
    environment.set(
        Value.string("PROCESSOR_ARCHITECTURE", {"x64": "AMD64", "arm64": "ARM64"}.get(made.architecture, "x86"))
    )
    for name, start in (("disk", 0), ("storahci", 0)):
        control_set.ensure(f"Services\\{name}").set(Value.dword("Start", start))
    setup = root.ensure("Setup")
    setup.set(Value.dword("SetupType", made.setup_type))
    setup.set(Value.string("CmdLine", made.setup_command))
    if made.has_database:
        for name in ("DeviceIds", "DriverInfFiles", "DriverPackages"):
            root.ensure(f"DriverDatabase\\{name}")
    if made.more is not None:
        made.more(root, control_set)
    return hive


def software_hive(made: Made) -> Hive:
    hive = new_hive("SOFTWARE")
    current = hive.root.ensure(r"Microsoft\Windows NT\CurrentVersion")
    major, minor = made.version
    # As Windows 10 and 11 have it: 6.3 for programs that ask in the old way.
    current.set(Value.string("CurrentVersion", "6.3" if major >= 10 else f"{major}.{minor}"))
    if major >= 10:
        current.set(Value.dword("CurrentMajorVersionNumber", major))
        current.set(Value.dword("CurrentMinorVersionNumber", minor))
    current.set(
        Value.string("CurrentBuild", "1.511.1 () (Obsolete data - do not use)" if major < 6 else str(made.build))
    )
    current.set(Value.string("CurrentBuildNumber", str(made.build)))
    if made.edition:
        current.set(Value.string("EditionID", made.edition))
    device_path = hive.root.ensure(r"Microsoft\Windows\CurrentVersion")
    device_path.set(Value.expand_string("DevicePath", r"%SystemRoot%\inf"))
    if made.image_state is not None:
        hive.root.ensure(r"Microsoft\Windows\CurrentVersion\Setup\State").set(
            Value.string("ImageState", made.image_state)
        )
    return hive


def drivers_hive() -> Hive:
    hive = new_hive("DRIVERS")
    for name in ("DeviceIds", "DriverInfFiles", "DriverPackages"):
        hive.root.ensure(f"DriverDatabase\\{name}")
    return hive
