"""What media hold, before it is known what they are written to."""

from __future__ import annotations

import pytest
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media import MediumFile
from osdimage.imaging.media.parts.medium import joined, require_apart


def file(path: str, origin: str = "here", data: bytes = b"") -> MediumFile:
    return MediumFile(path, BytesContents(data), 0, origin)


def test_of_two_files_with_one_path_the_later_is_taken_and_all_are_in_order() -> None:
    found = joined([file("b"), file("Sources/X", "first")], [file("sources/x", "second"), file("a")])
    assert [(each.path, each.origin) for each in found] == [("Sources/x", "second"), ("a", "here"), ("b", "here")]


def test_folders_that_differ_in_case_alone_are_one_spelled_as_the_first() -> None:
    found = joined(
        [file("EFI/Boot/a"), file("x")], [file("efi/BOOT/A"), file("efi/boot/Sub/b"), file("EFI/boot/sub/c")]
    )
    assert [each.path for each in found] == ["EFI/Boot/A", "EFI/Boot/Sub/b", "EFI/Boot/Sub/c", "x"]


def test_files_that_would_have_one_place_are_all_told() -> None:
    require_apart([file("a/b"), file("a/c")], [file("ab")])
    with pytest.raises(InvalidInput) as caught:
        require_apart([file("A/b", "one"), file("d")], [file("a/B", "two"), file("D/e/f")])
    assert str(caught.value) == (
        "two files of the medium would have one place: 'a/B' (of two, and of one); 'D/e/f', which is in the file 'd'"
    )
