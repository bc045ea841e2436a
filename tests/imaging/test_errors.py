"""The exceptions: what they are to Python, and how they cross a process."""

from __future__ import annotations

import copy
import errno
import importlib
import multiprocessing
import os
import pickle
import pkgutil
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import osdimage.cli
import osdimage.imaging
import osdimage.native
import pytest
from osdimage.cli.failures import EXIT_CODES
from osdimage.imaging import errors
from osdimage.imaging.errors import Means, OsdImageError, Remedy, StorageError
from runs.raising import throw

REMEDY = Remedy("give {} with the number {}", (Means.PARTITION, Means.BACKUP_FILE), ("3",))

# One of each class that has a constructor of its own; the others take a sentence.
MADE: dict[str, OsdImageError] = {
    "StorageError": StorageError("disk.img: Input/output error", path="disk.img", errno=errno.EIO, remedy=REMEDY),
    "ReaderLeft": errors.ReaderLeft("standard output: the reader has left", path="-", errno=errno.EPIPE, remedy=REMEDY),
    "ImageNotFound": errors.ImageNotFound("no image 'x'", candidates=("1 'a'", "2 'b'")),
    "InvalidLayout": errors.InvalidLayout(["the first", "the second"]),
    "DoesNotFit": errors.DoesNotFit("too large", partition="Windows", wanted_bytes=None, left_bytes=512),
    "NotReady": errors.NotReady(["no package", "no disk"], remedy=REMEDY),
    "UnsafeName": errors.UnsafeName("a name", path="/a/.."),
    "InvalidVolume": errors.InvalidVolume("its $MFT is damaged", volume="partition 3"),
    "ActionFailed": errors.ActionFailed(0x80070002, "not found"),
}


def classes() -> dict[str, type[Exception]]:
    """Return every exception that osdimage defines."""
    found: dict[str, type[Exception]] = {}
    for package in (osdimage.imaging, osdimage.native, osdimage.cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] in {"_build", "_wimlib", "pytest_plugin"}:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                is_own = getattr(value, "__module__", "") == module.name
                if is_own and isinstance(value, type) and issubclass(value, Exception):
                    found[name] = value
    return found


def public() -> list[str]:
    return sorted(name for name, kind in classes().items() if issubclass(kind, OsdImageError))


def one_of(name: str) -> OsdImageError:
    kind = classes()[name]
    assert issubclass(kind, OsdImageError)
    error = copy.copy(MADE[name]) if name in MADE else kind("what, where, and what is valid", remedy=REMEDY)
    assert type(error).__name__ == name
    error.add_note("said on the way")
    errors.explain(error, "and more was said")
    return error


def test_every_public_class_is_known() -> None:
    assert {"OsdImageError", "StorageError", "TooSmall", *MADE} <= set(public())


@pytest.mark.parametrize("name", public())
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_is_pickled_with_all_its_fields(name: str, protocol: int) -> None:
    error = one_of(name)
    same_as(pickle.loads(pickle.dumps(error, protocol)), error)  # noqa: S301 - our own


@pytest.mark.parametrize("name", public())
def test_an_error_is_copied_with_all_its_fields(name: str) -> None:
    error = one_of(name)
    same_as(copy.copy(error), error)
    same_as(copy.deepcopy(error), error)


def same_as(found: OsdImageError, error: OsdImageError) -> None:
    assert type(found) is type(error)
    assert (str(found), found.said, found.args, vars(found)) == (str(error), error.said, error.args, vars(error))
    assert found.remedy == error.remedy
    if isinstance(error, StorageError):
        assert isinstance(found, StorageError)
        assert (found.errno, found.strerror, found.filename) == (error.errno, error.strerror, error.filename)


def test_errors_come_out_of_another_process() -> None:
    """A pool whose worker's error cannot be unpickled breaks, or never answers."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name in public():
            found = pool.submit(throw, one_of(name)).exception(timeout=60)
            assert isinstance(found, OsdImageError)
            same_as(found, one_of(name))


@pytest.mark.parametrize(
    "number",
    [errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EPIPE, errno.EINTR],
)
def test_a_number_of_the_system_makes_the_exception_that_python_has_for_it(number: int) -> None:
    error = StorageError("a file: a fault", path="a file", errno=number)
    expected = OSError(number, os.strerror(number), "a file")
    assert type(expected) is not OSError
    assert isinstance(error, type(expected))
    assert (error.errno, error.strerror, error.filename) == (expected.errno, expected.strerror, expected.filename)
    assert type(error) is type(StorageError("another", path="b", errno=number))
    assert type(error).__name__ == "StorageError"


def test_a_number_without_an_exception_of_its_own_makes_an_os_error() -> None:
    error = StorageError("disk: full", path="disk", errno=errno.ENOSPC)
    assert type(error) is StorageError
    assert isinstance(error, OSError)
    assert str(error) == "disk: full"


def test_a_missing_wim_is_caught_as_python_code_catches_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        osdimage.imaging.WimFile.open(tmp_path / "none.wim")
    assert caught.value.filename == str(tmp_path / "none.wim")
    with pytest.raises(FileNotFoundError):
        osdimage.imaging.open_disk(tmp_path / "none.img")


def test_the_page_lists_every_class_with_its_bases_and_its_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "library" / "errors.md").read_text(encoding="utf-8")
    listed = {
        name: (bases.replace("`", "").split(", "), int(code))
        for name, bases, code in re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| (\d+) \|$", page, re.MULTILINE)
    }
    # Rooms have subclasses of these, which it does not list.
    kinds = {name: kind for name, kind in classes().items() if kind.__module__ == errors.__name__}
    assert listed == {
        name: (
            [base.__name__ for base in kind.__bases__],
            next(code for each, code in EXIT_CODES if issubclass(kind, each)),
        )
        for name, kind in kinds.items()
    }
