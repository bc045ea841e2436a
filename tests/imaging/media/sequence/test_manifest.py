"""The manifest of a medium: what is written, what is read, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cases.documents import NOW, media_manifest
from judges.schemas import judge, judge_file
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.media import MediaKind, MediaManifest, manifest_from_json, manifest_to_json
from osdimage.imaging.media.sequence import manifest_json as manifests
from osdimage.imaging.media.sequence.manifest import ManifestFile, fault_of_path

Change = Callable[[dict[str, Any]], object]


def changed(change: Change, volume: int = 1) -> bytes:
    """Return the bytes of a manifest after a change of its document."""
    document = json.loads(manifest_to_json(media_manifest(volume)))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("volume", [1, 2])
def test_what_is_written_is_what_the_schema_says_and_reads_the_same(volume: int, tmp_path: Path) -> None:
    made = media_manifest(volume)
    path = tmp_path / "media.json"
    path.write_bytes(manifest_to_json(made))
    judge_file(path, "media-manifest")
    assert manifest_from_json(path.read_bytes(), source="media.json") == made


def test_a_manifest_with_nothing_in_it_is_one_too() -> None:
    bare = MediaManifest(MediaKind.INSTALL, "X", NOW, "osdimage 0.1")
    data = manifest_to_json(bare)
    judge(json.loads(data), "media-manifest")
    assert manifest_from_json(data, source="x") == bare
    assert (bare.volume, bare.volumes, bare.is_encrypted, bare.here) == (1, 1, False, ())


@pytest.mark.foreign
def test_the_text_is_in_the_order_and_form_that_jq_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "media.json"
    path.write_bytes(manifest_to_json(media_manifest()))
    # jq 1.6: -S sorts the names of all objects.
    again = subprocess.run(["jq", "-S", "--indent", "1", ".", path], capture_output=True, check=True).stdout
    assert path.read_bytes() == again
    assert "für alle".encode() in again


def test_the_files_of_a_disc_and_of_a_path_are_found() -> None:
    first = media_manifest()
    assert [each.path.rpartition("/")[2] for each in first.here] == [
        "install.swm",
        "sequence.xml.enc",
        "variables.json.enc",
        "boot.wim",
    ]
    found = first.find("OSDIMAGE/packages/ps100001/INSTALL2.swm")
    assert found is not None
    assert (found.volume, found.size) == (2, 1 << 30)
    assert first.find("nothing") is None
    assert first.is_encrypted
    assert not media_manifest(2).is_encrypted


@pytest.mark.parametrize(
    ("now", "fault"),
    [
        pytest.param(NOW - timedelta(seconds=1), "is not valid before 2026-01-02T00:00:00Z", id="too-early"),
        pytest.param(NOW, None, id="first-second"),
        pytest.param(NOW + timedelta(days=365), None, id="last-second"),
        pytest.param(NOW + timedelta(days=366), "has expired at 2027-01-02T00:00:00Z", id="too-late"),
    ],
)
def test_dates_are_compared_with_the_clock(now: datetime, fault: str | None) -> None:
    assert media_manifest().fault_of_dates(now) == fault


def test_what_a_later_version_adds_at_the_top_is_kept_and_elsewhere_passed_over() -> None:
    def add(document: dict[str, Any]) -> None:
        document["colour"] = {"b": [1, {"c": None}], "a": "grün"}
        document["files"][0]["colour"] = 1

    found = manifest_from_json(changed(add), source="x")
    assert json.loads(manifest_to_json(found)) == json.loads(manifest_to_json(media_manifest())) | {
        "colour": {"b": [1, {"c": None}], "a": "grün"}
    }


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


FAULTS: dict[str, tuple[Change, str]] = {
    "other format": (lambda d: d.update(format="plan"), "is no manifest of a medium of osdimage"),
    "version 2": (lambda d: d.update(version=2), "is of version 2; this osdimage reads 1"),
    "kind": (lambda d: d.update(kind="music"), "kind is not valid; expected is one of boot, standalone, capture"),
    "no label": (lambda d: d.pop("label"), "'label' is missing"),
    "time": (lambda d: d.update(created="2026-1-02T00:00:00Z"), "created is not valid; expected is a time in UTC"),
    "architecture": (lambda d: d.update(architecture="mips"), "architecture is not valid"),
    "firmware": (lambda d: d.update(firmware=["bios", "coreboot"]), "firmware is not valid; expected are some of"),
    "nested": (lambda d: d.update(more=deep(40)), "it is nested too deeply"),
    "set of one": (lambda d: d["set"].update(volumes=1), "set.volumes is out of range; valid are whole numbers from 2"),
    "beyond the set": (lambda d: d["set"].update(volume=3, first="0" * 64), "set.volume is 3 of 2"),
    "first of the first": (lambda d: d["set"].update(first="0" * 64), "set.first is for every disc but the first"),
    "set id": (lambda d: d["set"].update(id="{7}"), "set.id is not valid; expected is a UUID"),
    "hash of the boot image": (lambda d: d["boot_image"].update(sha256="0" * 64), "is not that of the file"),
    "index": (lambda d: d["boot_image"].update(index=0), "boot_image.index is out of range"),
    "hash": (lambda d: d["files"][1].update(sha256="A" * 64), "files[1].sha256 is no SHA-256"),
    "size": (lambda d: d["files"][1].update(bytes=-1), "files[1].bytes is out of range"),
    "volume": (lambda d: d["files"][1].update(volume=3), "files[1].volume is 3, which this manifest tells nothing of"),
    "twice": (
        lambda d: d["files"].append(d["files"][4] | {"path": "Sources/Boot.WIM"}),
        "files[5].path is there twice",
    ),
    "itself": (lambda d: d["files"][0].update(path="OSDIMAGE/media.json"), "of which a manifest does not tell"),
    "package twice": (lambda d: d["packages"].append(d["packages"][0]), "packages[1].id is there twice"),
    "package id": (lambda d: d["packages"][0].update(id="a/b"), "packages[0].id is not valid"),
    "package on no disc": (lambda d: d["packages"][0].update(volumes=[]), "packages[0].volumes is no list"),
    "package elsewhere": (lambda d: d["packages"][0].update(volumes=[1, 3]), "packages[0].volumes is not valid"),
    "volumes in disorder": (lambda d: d["packages"][0].update(volumes=[2, 1]), "packages[0].volumes is not valid"),
    "sequence path": (lambda d: d["sequences"][0].update(path="../x"), "sequences[0].path, '../x', has a name that"),
    "variables path": (lambda d: d["variables"].update(path="/etc/passwd"), "has a name that is empty"),
}


@pytest.mark.parametrize(("change", "told"), FAULTS.values(), ids=FAULTS)
def test_a_manifest_that_contradicts_itself_is_refused_with_the_place(change: Change, told: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        manifest_from_json(changed(change), source="disc: media.json")
    assert str(caught.value).startswith("disc: media.json ")
    assert told in str(caught.value)


def test_a_later_disc_tells_of_its_own_files_and_of_the_first_disc() -> None:
    with pytest.raises(InvalidDocument, match=r"set\.first is for every disc but the first"):
        manifest_from_json(changed(lambda d: d["set"].update(first=None), 2), source="x")
    with pytest.raises(InvalidDocument, match=r"set\.first is no SHA-256"):
        manifest_from_json(changed(lambda d: d["set"].update(first="0"), 2), source="x")
    with pytest.raises(InvalidDocument, match=r"files\[0\].volume is 1, which this manifest tells nothing of"):
        manifest_from_json(changed(lambda d: d["files"][0].update(volume=1), 2), source="x")


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("a/b.c", None),
        ("für/日本", None),
        ("a" * 255, None),
        ("", "has a name that is empty"),
        ("/a", "has a name that is empty"),
        ("a//b", "has a name that is empty"),
        ("a/", "has a name that is empty"),
        ("..", "has a name that ends in a dot or a blank"),
        ("a/../b", "has a name that ends in a dot or a blank"),
        ("./a", "has a name that ends in a dot or a blank"),
        ("a\\b", "has a name that holds \\"),
        ("c:/a", 'has a name that holds one of < > : " | ? * or a control character'),
        ("a:stream", 'has a name that holds one of < > : " | ? * or a control character'),
        ("a\nb", 'has a name that holds one of < > : " | ? * or a control character'),
        ("a/NUL.txt", "has a name that is that of a device"),
        ("a" * 256, "has a name that has 256 UTF-16 units, of which 255 are valid"),
        ("/".join(["ab"] * 342), "is longer than 1023 bytes"),
        # "ü" as u and a diaeresis that combines with it.
        ("u\u0308", "is not in the composed form of Unicode (NFC), which systems take for another name"),
    ],
    ids=repr,
)
def test_only_paths_within_the_medium_that_windows_opens_are_taken(path: str, fault: str | None) -> None:
    assert fault_of_path(path) == fault
    made = replace(media_manifest(), files=(ManifestFile(path, 0, "0" * 64),), boot_image=None)
    if fault is None:
        assert manifest_from_json(manifest_to_json(made), source="x").files[0].path == path
    else:
        with pytest.raises(InvalidRequest) as caught:
            manifest_to_json(made)
        assert fault in str(caught.value)


def test_more_than_a_manifest_has_is_neither_read_nor_made(monkeypatch: pytest.MonkeyPatch) -> None:
    data = manifest_to_json(media_manifest())
    monkeypatch.setattr(manifests, "LARGEST_MANIFEST", len(data) - 1)
    with pytest.raises(InvalidDocument, match=r"is larger than 1.9 KB; manifests of media are not"):
        manifest_from_json(data, source="x")
    with pytest.raises(InvalidRequest, match="the manifest of 5 files is larger than"):
        manifest_to_json(media_manifest())
    monkeypatch.undo()
    monkeypatch.setattr(manifests, "MOST_ENTRIES", 4)
    with pytest.raises(InvalidDocument, match="files has 5 entries; valid are up to 4"):
        manifest_from_json(data, source="x")


def test_a_year_of_three_digits_is_written_with_four() -> None:
    old = replace(media_manifest(), created=datetime(999, 1, 1, tzinfo=UTC))
    assert manifest_from_json(manifest_to_json(old), source="x") == old
