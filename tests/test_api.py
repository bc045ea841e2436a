"""The public interface of the library: what is written down of it is what the code has."""

from __future__ import annotations

import enum
import importlib
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from osdimage.imaging import (
    Preset,
    WimFile,
    capture_image,
    initialize,
    open_disk,
    place,
    preset_layout,
)
from osdimage.imaging.units import MIB


@pytest.fixture(scope="module")
def api() -> ModuleType:
    folder = Path(__file__).parents[1] / ".ci"
    spec = importlib.util.spec_from_file_location("api", folder / "api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        spec.loader.exec_module(module)
    return module


def test_what_is_written_down_of_the_public_interface_is_what_it_is(api: ModuleType) -> None:
    written = api.SNAPSHOT.read_text(encoding="utf-8")
    more, less = api.changes(written, found := api.snapshot())
    told = "\n".join((api.ADVICE, *(f"+ {line}" for line in more), *(f"- {line}" for line in less)))
    assert not more + less, told
    assert found == written


class Colour(enum.StrEnum):
    RED = "red"

    @classmethod
    def of(cls, text: str) -> Colour:
        return cls(text)


@dataclass(frozen=True)
class _Base:
    size: int


@dataclass(frozen=True)
class Wish(_Base):
    colour: Colour = Colour.RED
    others: tuple[Colour, ...] = (Colour.RED,)

    @property
    def is_red(self) -> bool:
        return self.colour is Colour.RED


class Made:
    kept: int = 3

    def __init__(self, path: str, /, *, wish: Wish = Wish(1)) -> None:
        self.path: str = path
        self._wish: Wish = wish

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def work(self, *names: str, **options: int) -> None:
        pass

    @contextmanager
    def held(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(
            Colour,
            ["enum Colour(StrEnum)", "Colour.RED = 'red'", "classmethod Colour.of(text: str) -> Colour"],
            id="enum",
        ),
        pytest.param(
            Wish,
            [
                "frozen dataclass Wish",
                "Wish(size: int, colour: Colour = Colour.RED, others: tuple[Colour, ...] = (Colour.RED,))",
                "Wish.is_red: bool (read only)",
            ],
            id="dataclass-with-the-fields-of-a-base-that-is-not-public",
        ),
        pytest.param(
            Made,
            [
                "class Made",
                "Made(path: str, /, *, wish: Wish = Wish(size=1))",
                "Made.__iter__() -> Iterator[int]",
                "Made.held() -> AbstractContextManager[int]",
                "Made.kept: int",
                "Made.path: str",
                "Made.work(*names: str, **options: int) -> None",
            ],
            id="class",
        ),
    ],
)
def test_a_class_is_written_as_a_caller_sees_it(
    api: ModuleType, monkeypatch: pytest.MonkeyPatch, kind: type, expected: list[str]
) -> None:
    # The classes of this test stand for public ones of osdimage.
    monkeypatch.setattr(api, "is_ours", lambda kind: kind.__module__ == __name__)
    monkeypatch.setattr(api, "tree_of", lambda _: api.ast.parse(Path(__file__).read_text(encoding="utf-8")))
    assert list(api.of_class(kind.__name__, kind)) == expected


def test_what_was_added_and_what_breaks_is_told_with_its_module(api: ModuleType) -> None:
    old = "# head\n\n[osdimage.a]\nf(x: int) -> int\ng() -> None\n"
    new = "# head\n\n[osdimage.a]\nf(x: int, y: int = 0) -> int\ng() -> None\n\n[osdimage.b]\ng() -> None\n"
    assert api.changes(old, new) == (
        ["osdimage.a: f(x: int, y: int = 0) -> int", "osdimage.b: g() -> None"],
        ["osdimage.a: f(x: int) -> int"],
    )


# Types that a program gets from one public function and hands to another, and that it looks into no further.
OPAQUE = {
    "osdimage.imaging.documents.Fields",
    "osdimage.imaging.drivers.inf.inf_text.InfText",
    "osdimage.imaging.drivers.inf.install.InstallReader",
    "osdimage.imaging.drivers.store.contents.Contents",
    "osdimage.imaging.drivers.store.database.Database",
    # What it stands for is its parameter.
    "osdimage.imaging.registry.hive.Fact",
    "osdimage.imaging.registry.hive.Stored",
    "osdimage.imaging.volume.fat.source.Source",
    "osdimage.native.wim.handles.WimHandle",
    "osdimage.native.wim.tree.Audit",
}


def public_kinds(api: ModuleType) -> list[type | Callable[..., object]]:
    """Return the public classes and functions."""
    modules = map(importlib.import_module, api.public_modules())
    public = [value for module in modules for value in (getattr(module, name) for name in module.__all__)]
    return [value for value in public if isinstance(value, type) or inspect.isfunction(inspect.unwrap(value))]


def mentioned(value: type | Callable[..., object]) -> Iterator[type]:
    """Yield the classes of osdimage in the annotations of a public function, or of what a public class shows."""
    inner = inspect.unwrap(value)
    texts = list(map(str, inner.__annotations__.values()))
    if isinstance(value, type):
        for name, member in vars(value).items():
            if not name.startswith("_") or name == "__init__":
                shown = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                texts += map(str, getattr(shown, "__annotations__", {}).values())
    known = vars(sys.modules[inner.__module__])
    for each in {name for text in texts for name in re.findall(r"[A-Za-z_]\w*", text)}:
        found = known.get(each)
        if isinstance(found, type) and found.__module__.startswith("osdimage."):
            yield found


def test_what_a_public_signature_mentions_is_public(api: ModuleType) -> None:
    kinds = public_kinds(api)
    beyond = {each for value in kinds for each in mentioned(value)} - {each for each in kinds if isinstance(each, type)}
    assert {f"{each.__module__}.{each.__qualname__}" for each in beyond} == OPAQUE


@pytest.fixture(scope="module")
def symbols() -> list[dict[str, Any]]:
    """Return what pyright says of each name of the library."""
    command = [sys.executable, "-m", "basedpyright", "--ignoreexternal", "--outputjson"]
    command += ["--verifytypes", "osdimage.imaging"]
    # It looks for packages where the first Python of PATH does.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    told = json.loads(done.stdout)
    found: list[dict[str, Any]] = told["typeCompleteness"]["symbols"]
    return found


@pytest.mark.slow
def test_pyright_knows_the_type_of_every_public_name_without_a_guess(
    api: ModuleType, symbols: list[dict[str, Any]]
) -> None:
    public = {f"{each.__module__}.{each.__qualname__}" for each in public_kinds(api)}
    assert len(public & {each["name"] for each in symbols}) > 600

    def is_public(name: str) -> bool:
        owner, _, member = name.rpartition(".")
        return name in public or (owner in public and (not member.startswith("_") or member == "__init__"))

    unsure = {
        each["name"]: [line["message"] for line in each["diagnostics"]]
        for each in symbols
        if is_public(each["name"]) and (not each["isTypeKnown"] or each["isTypeAmbiguous"])
    }
    assert not unsure


def test_a_public_function_takes_a_path_as_a_text_too(api: ModuleType) -> None:
    functions = [value for value in public_kinds(api) if not isinstance(value, type)]
    paths = {
        f"{function.__name__}({name})"
        for function in functions
        for name, each in inspect.signature(function).parameters.items()
        if each.annotation in {"Path", "Path | None"}
    }
    # Not a file of the caller's: where the kernel shows the devices.
    assert paths == {"read_devices(sysfs)"}


def test_what_holds_something_open_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    capture_image(tmp_path / "tree", tmp_path / "a.wim")
    with open_disk(tmp_path / "a.img", create=8 * MIB) as disk, WimFile.open(tmp_path / "a.wim") as wim:
        initialize(disk.target, place(preset_layout(Preset.DATA_MBR), disk.geometry))
        named = [repr(each) for each in (disk, disk.target, wim, wim.image(1), wim.image(1).files())]
        assert str(disk.volume(1)) == f"{disk} partition 1"
    assert named == [
        f"<Disk {tmp_path}/a.img, 8.0 MB>",
        f"<FileTarget {tmp_path}/a.img>",
        f"<WimFile {tmp_path}/a.wim with 1 image>",
        f"<WimImage 1 'tree' of {tmp_path}/a.wim>",
        f"<ImageFiles of {tmp_path}/a.wim image 1>",
    ]


F = "osdimage.a: f(x: int, y: str | None = None, *, key: bool = False) -> int | str"
ENUM = "osdimage.a: Colour.RED = 'red'"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(F, F.replace("key: bool = False", "key: bool = False, more: int = 0"), id="parameter-by-keyword"),
        pytest.param(F, F.replace("x: int", "x: int | str"), id="takes-more"),
        pytest.param(F, F.replace("-> int | str", "-> int"), id="returns-less"),
        pytest.param(F, F.replace("*, key", "key"), id="may-be-positional"),
        pytest.param("osdimage.a: f(p: Path) -> None", "osdimage.a: f(p: str | os.PathLike[str]) -> None", id="path"),
        pytest.param("osdimage.a: A.n: int (read only)", "osdimage.a: A.n: int", id="can-be-set"),
        pytest.param("osdimage.a: class A(B)", "osdimage.a: class A(B, OSError)", id="one-more-base"),
        pytest.param("osdimage.a: A(...)", "osdimage.a: A(size: int)", id="constructor-that-was-none"),
        pytest.param("osdimage.a: A = osdimage.b.A", "osdimage.a: A = osdimage.c.A", id="home-elsewhere"),
    ],
)
def test_what_takes_and_gives_what_it_did_is_no_break(api: ModuleType, old: str, new: str) -> None:
    assert api.breaks({old}, {new}) == []
    assert api.least_version("0.4.2", {old}, {new}) == "0.4.3"
    assert api.least_version("1.4.2", {old}, {new}) == "1.5.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(F, F.replace("f(", "g("), id="other-name"),
        pytest.param(F, F.replace("y: str", "z: str"), id="parameter-renamed"),
        pytest.param(F, F.replace("x: int, ", "x: int, new: int, "), id="parameter-that-must-be-given"),
        pytest.param(
            F, F.replace("(x: int, y: str | None = None", "(y: str | None = None, x: int = 1"), id="other-order"
        ),
        pytest.param(F, F.replace("x: int,", "x: str,"), id="takes-another-type"),
        pytest.param(F, F.replace("x: int, ", "x: int, /, "), id="no-longer-by-name"),
        pytest.param(F, F.replace("y: str", "*, y: str").replace("*, key", "key"), id="no-longer-positional"),
        pytest.param(F, F.replace("False", "True"), id="other-default"),
        pytest.param(F, F.replace("-> int | str", "-> int | str | None"), id="returns-more"),
        pytest.param(F, F.replace("f(", "async f("), id="async"),
        pytest.param(ENUM, ENUM.replace("'red'", "'rot'"), id="value-of-an-enum"),
        pytest.param(ENUM, ENUM.replace(".RED", ".ROT"), id="member-of-an-enum"),
        pytest.param("osdimage.a: A.n: int", "osdimage.a: A.n: int (read only)", id="no-longer-set"),
        pytest.param("osdimage.a: class A(B, OSError)", "osdimage.a: class A(B)", id="one-base-less"),
        pytest.param("osdimage.a: frozen dataclass A", "osdimage.a: class A", id="no-dataclass"),
        pytest.param("osdimage.a: A(size: int)", "osdimage.a: A(...)", id="no-public-constructor"),
    ],
)
def test_what_ends_a_program_that_was_right_is_a_break(api: ModuleType, old: str, new: str) -> None:
    assert api.breaks({old}, {new}) == [old]
    assert api.least_version("0.4.2", {old}, {new}) == "0.5.0"
    assert api.least_version("1.4.2", {old}, {new}) == "2.0.0"


def test_a_class_that_the_front_door_shows_from_a_room_is_no_break(api: ModuleType) -> None:
    old = {"osdimage.imaging: class A(B)", "osdimage.imaging: A(size: int)", "osdimage.imaging: A.size: int"}
    old.add("osdimage.imaging: A.is_empty: bool (read only)")
    moved = {line.replace("imaging:", "imaging.room:") for line in old}
    assert api.breaks(old, {"osdimage.imaging: A = osdimage.imaging.room.A", *moved}) == []
    assert api.breaks(old, {"osdimage.imaging: A = osdimage.imaging.room.A"}) == sorted(old)
    # A mend adds nothing, and takes nothing away.
    assert api.least_version("1.4.2", old, old) == "1.4.3"
