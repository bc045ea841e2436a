"""What wheels are made of is told to the last file, and the licences of all of it are there."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "packaging" / "wheel"


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(RECIPE))
    before = set(sys.modules)
    import pins  # noqa: PLC0415 - a script of the recipe

    yield pins
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") and Path(str(sys.modules[name].__file__)).parent == RECIPE:
            del sys.modules[name]


def test_every_library_is_pinned_for_every_architecture(pins: ModuleType) -> None:
    pinned = pins.read_pins()
    assert [library.name for library in pinned.libraries] == ["libwim", "libntfs-3g", "libfuse3"]
    for library in pinned.libraries:
        assert library.files.keys() == {architecture.name for architecture in pins.ARCHITECTURES}
        for architecture in pins.ARCHITECTURES:
            file = library.files[architecture.name]
            # pool/main/w/wimlib/libwim-dev_1.14.5-1+b2_amd64.deb
            assert re.fullmatch(
                rf"pool/main/\w+/[\w.-]+/{library.package}_{re.escape(library.version)}-.+_{architecture.debian}\.deb",
                file.path,
            )
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)


def test_every_tool_and_what_it_needs_is_pinned_with_its_checksums() -> None:
    lines = (RECIPE / "requirements.in").read_text(encoding="utf-8").splitlines()
    tools = [line for line in lines if not line.startswith("#")]
    assert tools == sorted(tools)
    text = re.sub(r"^#.*\n", "", (RECIPE / "requirements.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    locked = text.replace(" \\\n", " ").splitlines()
    assert all(
        re.fullmatch(r"[a-z0-9-]+==\d[\w.]*( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", each) for each in locked
    )
    assert set(tools) <= {each.split()[0] for each in locked}, "lock them anew: requirements.in says how"


def test_a_file_whose_fetching_was_interrupted_is_fetched_anew(
    pins: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import archive  # noqa: PLC0415 - as above

    def interrupted(command: list[str | Path], **_: object) -> None:
        Path(command[-1]).write_bytes(b"half of")
        raise KeyboardInterrupt

    def whole(command: list[str | Path], **_: object) -> subprocess.CompletedProcess[str]:
        Path(command[-1]).write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    # sha256sum /dev/null
    pinned = pins.PinnedFile("pool/x.deb", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    monkeypatch.setattr(archive, "_APT_HELPER", "/bin/true")
    monkeypatch.setattr(archive, "archives", lambda: ("http://debian.example",))
    monkeypatch.setattr(archive.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        archive.fetch(pinned, tmp_path)
    monkeypatch.setattr(archive.subprocess, "run", whole)
    assert archive.fetch(pinned, tmp_path) == tmp_path / "x.deb"
    assert [path.name for path in tmp_path.iterdir()] == ["x.deb"]


def test_the_notice_names_each_part_with_its_licence_and_its_source(
    pins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(RECIPE))
    import distributions  # noqa: PLC0415 - as above

    pinned = pins.read_pins()
    notice = distributions.notice_of(pinned, pins.ARCHITECTURES[0])
    for part in pinned.parts:
        assert f"| {part.name} | {part.version} | {part.licence} | <{part.home}> | {part.source} |" in notice
    for file in distributions.files_of(pinned, pins.ARCHITECTURES[0]):
        assert f"    {file.sha256}  {file.path}\n" in notice


@pytest.mark.parametrize(
    ("licence", "file", "title"),
    [
        ("GPL-2.0-or-later", "licences/GPL-2.txt", "GNU GENERAL PUBLIC LICENSE Version 2, June 1991"),
        ("LGPL-2.1-only", "licences/LGPL-2.1.txt", "GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999"),
        ("GPL-3.0-or-later", "../../LICENSE", "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007"),
    ],
)
def test_the_texts_of_all_licences_are_there(pins: ModuleType, licence: str, file: str, title: str) -> None:
    pinned = pins.read_pins()
    texts = {"GPL-2.0-or-later", "LGPL-2.1-only", "GPL-3.0-or-later"}
    assert {part.licence for part in pinned.parts} == texts
    assert licence in texts
    text = " ".join((RECIPE / file).read_text(encoding="utf-8").split())
    assert text.startswith(title)


def test_pins_are_written_anew_with_the_comments_around_them(pins: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(RECIPE))
    import pin  # noqa: PLC0415 - as above

    text = (RECIPE / "pins.toml").read_text(encoding="utf-8")
    before = pins.read_pins()
    first, *others = before.libraries
    newer = dataclasses.replace(first, version="99.1", source="wimlib=99.1-1")
    changed = pin.with_changes(text, before, dataclasses.replace(before, libraries=(newer, *others)))
    assert changed == text.replace(f'"{first.version}"', '"99.1"').replace(f'"{first.source}"', '"wimlib=99.1-1"')
    # A version that another part has, too, would be changed there as well.
    alike = text.replace(f'"{others[1].version}"', f'"{first.version}"')
    before = pins.parse_pins(alike)
    after = dataclasses.replace(before, libraries=(newer, *before.libraries[1:]))
    with pytest.raises(pin.ReleaseError, match="more than one place"):
        pin.with_changes(alike, before, after)


def test_an_older_release_is_removed_and_nothing_else(pins: ModuleType, tmp_path: Path) -> None:
    del pins
    import release  # noqa: PLC0415 - as above

    for name in ("osdimage-0.1.0.tar.gz", "osdimage-0.1.0-cp311-abi3-x.whl", "SHA256SUMS", "thesis.txt"):
        (tmp_path / name).touch()
    release.remove_release(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_programs_that_make_a_release_get_nothing_of_the_caller_that_changes_it(
    pins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pins
    import running  # noqa: PLC0415 - as above

    for name in ("CFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, "/elsewhere")
    assert "/elsewhere" not in running.plain_environment().values()


def test_a_program_that_is_missing_is_told(pins: ModuleType) -> None:
    del pins
    import running  # noqa: PLC0415 - as above

    with pytest.raises(running.ReleaseError, match="no-such-program: cannot be run: No such file"):
        running.run(["no-such-program"])


@pytest.mark.parametrize(
    ("version", "authors"), [("1:2026.9.28-2", "2026.9.28"), ("1.14.5-1+b2", "1.14.5"), ("3.17.2-3", "3.17.2")]
)
def test_the_version_of_the_authors_is_part_of_that_of_debian(
    pins: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str, authors: str
) -> None:
    del pins
    monkeypatch.syspath_prepend(str(RECIPE))
    import pin  # noqa: PLC0415 - as above

    assert pin.upstream(version) == authors
