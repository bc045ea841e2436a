"""Edition, version, architecture and languages of a captured Windows come from its registry, and choose an image.

The hives are edited with hivexsh (libguestfs' registry library), and wimlib-imagex reads the result.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from judges import wim as judges
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

AMD64, I386, ARM64 = 0x8664, 0x014C, 0xAA64


@dataclass(frozen=True, slots=True)
class Windows:
    """What a Windows says of itself."""

    edition: str
    product: str
    machine: int
    languages: tuple[str, ...]
    language_id: str
    version: tuple[int, int, int]
    architecture: str
    default_language: str


PRO = Windows("Professional", "Windows 10 Pro", AMD64, ("de-DE", "en-US"), "0407", (10, 0, 19045), "x64", "de-DE")
PRO_X86 = Windows("Professional", "Windows 10 Pro", I386, ("en-US",), "0409", (10, 0, 19045), "x86", "en-US")
SERVER = Windows(
    "ServerDatacenter", "Windows Server 2022 Datacenter", AMD64, ("en-US",), "0409", (10, 0, 20348), "x64", "en-US"
)
ON_ARM = Windows("Core", "Windows 11 Home", ARM64, ("fr-FR",), "040c", (10, 0, 22631), "arm64", "fr-FR")


def empty_hive(path: Path) -> None:
    """Write the smallest hive that hivex opens: one bin with the root key and its security descriptor (regf 1.3)."""
    descriptor = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    security = struct.pack("<2sHIIII", b"sk", 0, 0x80, 0x80, 1, len(descriptor)) + descriptor
    name = b"ROOT"
    nothing = 0xFFFFFFFF
    root = struct.pack("<2sHQII", b"nk", 0x2C, 0, 0, nothing)
    root += struct.pack("<IIIIIIII", 0, 0, nothing, nothing, 0, nothing, 0x80, nothing)
    root += struct.pack("<IIIIIHH", 0, 0, 0, 0, 0, len(name), 0) + name
    page = struct.pack("<4sIIQQI", b"hbin", 0, 0x1000, 0, 0, 0)
    # A cell begins with its size, negative while it is in use.
    page += struct.pack("<i", -0x60) + root.ljust(0x5C, b"\0")
    page += struct.pack("<i", -0x40) + security.ljust(0x3C, b"\0")
    page += struct.pack("<i", 0x1000 - len(page))
    header = struct.pack("<4sIIQIIIIIII", b"regf", 1, 1, 0, 1, 3, 0, 1, 0x20, 0x1000, 1).ljust(508, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", header):
        checksum ^= word
    path.write_bytes((header + struct.pack("<I", checksum)).ljust(0x1000, b"\0") + page.ljust(0x1000, b"\0"))


def make_hive(path: Path, keys: dict[str, dict[str, str]]) -> None:
    r"""Make a hive with keys such as ``A\B`` and their values, in hivexsh's notation."""
    empty_hive(path)
    script = []
    made: set[str] = set()
    for key, values in keys.items():
        parts = key.split("\\")
        for depth, part in enumerate(parts, start=1):
            script.append("cd \\" + "\\".join(parts[: depth - 1]))
            whole = "\\".join(parts[:depth])
            if whole not in made:
                made.add(whole)
                script.append(f"add {part}")
        script.append("cd \\" + key)
        if values:
            script.append(f"setval {len(values)}")
            script += [line for name, value in values.items() for line in (name, value)]
    script += ["commit", "quit"]
    judges.run("hivexsh", "-w", path, stdin="\n".join(script) + "\n")


def make_windows(root: Path, windows: Windows) -> Path:
    system32 = root / "Windows" / "System32"
    (system32 / "config").mkdir(parents=True)
    program = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0" + struct.pack("<H", windows.machine)
    (system32 / "kernel32.dll").write_bytes(program.ljust(1024, b"\0"))
    major, minor, build = windows.version
    make_hive(
        system32 / "config" / "SOFTWARE",
        {
            r"Microsoft\Windows NT\CurrentVersion": {
                "EditionID": f"string:{windows.edition}",
                "ProductName": f"string:{windows.product}",
                "InstallationType": "string:Client",
                "CurrentMajorVersionNumber": f"dword:{major:#x}",
                "CurrentMinorVersionNumber": f"dword:{minor:#x}",
                "CurrentBuild": f"string:{build}",
            }
        },
    )
    make_hive(
        system32 / "config" / "SYSTEM",
        {
            r"ControlSet001\Control\Nls\Language": {"InstallLanguage": f"string:{windows.language_id}"},
            r"ControlSet001\Control\ProductOptions": {"ProductType": "string:WinNT"},
            r"ControlSet001\Control\Windows": {"CSDBuildNumber": "dword:0x1234", "CSDVersion": "dword:0x200"},
            **{rf"ControlSet001\Control\MUI\UILanguages\{language}": {} for language in windows.languages},
        },
    )
    return root


MEDIUM = (PRO, PRO_X86, SERVER, ON_ARM)


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    path = folder / "install.wim"
    for number, windows in enumerate(MEDIUM, start=1):
        source = make_windows(folder / f"source {number}", windows)
        name = f"{windows.product} {windows.architecture}"
        osdimage("capture", source, path, "--name", name, *(["--append"] if number > 1 else []))
    return path


@pytest.mark.parametrize("number", range(len(MEDIUM)), ids=[f"{item.edition} {item.architecture}" for item in MEDIUM])
def test_info_tells_what_the_registry_says(medium: Path, number: int) -> None:
    windows = MEDIUM[number]
    image = osdimage("info", medium, "--json").document["images"][number]
    found = image["windows"]
    assert found["edition"] == windows.edition
    assert found["product_name"] == windows.product
    assert found["installation_type"] == "Client"
    assert found["product_type"] == "WinNT"
    assert found["architecture"] == windows.architecture
    assert found["version"] == ".".join(map(str, windows.version))
    assert (found["service_pack_build"], found["service_pack_level"]) == (0x1234, 2)
    assert tuple(found["languages"]) == windows.languages
    assert found["default_language"] == windows.default_language
    assert found["system_root"] == "WINDOWS"
    assert (image["flags"], image["display_name"]) == (windows.edition, windows.product)


def test_wimlib_reads_the_same_facts(medium: Path) -> None:
    document = osdimage("info", medium, "--json").document
    for image, theirs in zip(document["images"], judges.wimlib_info(medium).images, strict=True):
        assert theirs["Edition ID"]
        judges.assert_image_agrees(image, theirs)


def test_people_see_the_facts_too(medium: Path) -> None:
    out = osdimage("info", medium, "--index", "1").out
    for text in ("Windows 10 Pro", "Professional", "x64", "de-DE, en-US", "10.0.19045.4660, service pack 2"):
        assert text in out


@dataclass(frozen=True, slots=True)
class Query:
    """Options, and the image that they choose, or the images that the error lists."""

    options: tuple[str, ...]
    index: int | None = None
    candidates: tuple[int, ...] = ()


QUERIES = {
    "edition alone, unique": Query(("--edition", "ServerDatacenter"), 3),
    "edition in another case": Query(("--edition", "serverdatacenter"), 3),
    "edition and architecture": Query(("--edition", "Professional", "--arch", "x86"), 2),
    "architecture as Windows spells it": Query(("--edition", "Professional", "--arch", "AMD64"), 1),
    "architecture as Linux spells it": Query(("--arch", "aarch64"), 4),
    "architecture alone": Query(("--arch", "x86"), 2),
    "language alone": Query(("--language", "fr-fr"), 4),
    "second language": Query(("--language", "en-US", "--edition", "Professional", "--arch", "x64"), 1),
    "name": Query(("--name", "Windows 10 Pro x86"), 2),
    "display name": Query(("--name", "windows 11 home"), 4),
    "index": Query(("--index", "4"), 4),
    "two editions": Query(("--edition", "Professional"), candidates=(1, 2)),
    "a language of three": Query(("--language", "en-US"), candidates=(1, 2, 3)),
    "nothing asked": Query((), candidates=(1, 2, 3, 4)),
    "no such edition": Query(("--edition", "Education"), candidates=(1, 2, 3, 4)),
    "no such language": Query(("--arch", "x64", "--language", "ja-JP"), candidates=(1, 2, 3, 4)),
    "no such index": Query(("--index", "5"), candidates=(1, 2, 3, 4)),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_chooses_exactly_one_image_or_lists_them(medium: Path, tmp_path: Path, query: Query) -> None:
    target = tmp_path / "target"
    if query.index is not None:
        document = osdimage("apply", medium, target, *query.options, "--json").applied
        assert document["files"] == 3
        expected = MEDIUM[query.index - 1]
        program = (target / "Windows" / "System32" / "kernel32.dll").read_bytes()
        assert struct.unpack_from("<H", program, 0x44)[0] == expected.machine
        return
    outcome = osdimage("apply", medium, target, *query.options, code=2)
    assert not target.exists()
    first, *listed = outcome.err.splitlines()
    assert first.startswith(f"osdimage: {medium}: ")
    for line, index in zip(listed, query.candidates, strict=True):
        windows = MEDIUM[index - 1]
        assert line.startswith(f"  {index}: {windows.product} {windows.architecture} (")
        for text in (windows.edition, windows.architecture, *windows.languages):
            assert text in line


def test_info_shows_only_the_images_that_a_query_fits(medium: Path) -> None:
    for options, index in ((("--arch", "x86"), 2), (("--language", "fr-FR"), 4), (("--edition", "Core"), 4)):
        images = osdimage("info", medium, *options, "--json").document["images"]
        assert [image["index"] for image in images] == [index]


def test_export_and_delete_keep_the_facts_of_each_image(medium: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.wim"
    osdimage("export", medium, path, "--index", "4", "--index", "1")
    osdimage("delete", path, "--index", "1")
    (image,) = osdimage("info", path, "--json").document["images"]
    assert image["windows"]["edition"] == "Professional"
    assert image["windows"]["languages"] == list(PRO.languages)
