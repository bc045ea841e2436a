"""The rules between the packages: who may import whom, who may print, what is public, and what start-up may load."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from osdimage.cli.commands import COMMANDS

ALLOWED = {
    "cli": {"cli", "imaging"},
    "imaging": {"imaging", "native"},
    "native": {"native"},
}
GROUND = "the ground floor"
ATTIC = {"doctor", "pytest_plugin", "testing"}
# Which rooms of imaging a room may use, besides itself and the ground floor, and what of native.
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    GROUND: (set(), set()),
    "answers": (set(), set()),
    "inventory": ({"answers"}, set()),
    "disk": (set(), {"fve", "holes", "slices"}),
    "disc": (set(), set()),
    "volume": ({"disk"}, {"holes", "ntfs", "slices"}),
    "wim": ({"disc", "disk"}, {"any"}),
    "capture": ({"disk", "volume", "wim"}, {"any"}),
    "apply": ({"disk", "volume", "wim"}, {"any"}),
    "browse": ({"disc", "disk", "volume", "wim"}, {"engine"}),
    "compare": ({"apply", "capture", "disk", "volume", "wim"}, set()),
    "service": ({"apply", "capture", "disk", "volume", "wim"}, set()),
    "registry": ({"disk", "service", "volume", "wim"}, {"hive"}),
    "boot": ({"disk", "registry", "volume", "wim"}, set()),
    "firststart": ({"disk", "registry", "volume"}, set()),
    "drivers": ({"answers", "browse", "disc", "disk", "firststart", "registry", "service", "volume", "wim"}, set()),
    "deploy": ({"answers", "apply", "boot", "disk", "drivers", "registry", "volume", "wim"}, set()),
    "tasksequence": (
        {
            "answers",
            "apply",
            "boot",
            "capture",
            "deploy",
            "disk",
            "drivers",
            "firststart",
            "registry",
            "service",
            "volume",
            "wim",
        },
        set(),
    ),
    "media": (
        {
            *("answers", "apply", "boot", "browse", "capture", "deploy", "disc", "disk", "drivers", "firststart"),
            *("inventory", "registry", "service", "tasksequence", "volume", "wim"),
        },
        set(),
    ),
}
# What single modules of the ground floor may use of native: a decompressor.
GROUND_NATIVE = {"wof": {"runtime", "wim"}}
FACES = ["osdimage.imaging", *(f"osdimage.imaging.{room}" for room in ROOMS if room != GROUND)]
# The nouns, the verbs, and twenty errors.
LARGEST_FRONT = 72
# What a command imports when it needs it, and --version and --help never do.
HEAVY = ("rich", "yaml", "pyfatfs", "fs", "construct", "cffi", "osdimage.native")


def modules_of(package: str) -> list[Path]:
    spec = importlib.util.find_spec(f"osdimage.{package}")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (folder,) = spec.submodule_search_locations
    paths = sorted(Path(folder).rglob("*.py"))
    assert paths
    return paths


@dataclass(frozen=True)
class Module:
    """What the rules ask of a module; its syntax tree, of which a thousand would stay in memory, is not kept.

    Attributes:
        name: such as ``osdimage.imaging.disk.place``.
        imports: the full names of what it imports, inside functions and for types alone, too.
        calls: the functions that it calls, as they stand there.
        names: the plain names that it uses.
        descriptors: the attributes ``descriptor`` of disks and volumes that it asks for.
        texts: line and value of the string literals that are no docstrings, the parts of f-strings too.
    """

    path: Path
    name: str
    imports: frozenset[str]
    calls: frozenset[str]
    names: frozenset[str]
    descriptors: frozenset[str]
    texts: tuple[tuple[int, str], ...]

    @property
    def package(self) -> str:
        return self.name.split(".")[1]


def read_module(path: Path, package: str) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    documents = {
        id(each.value)
        for node in nodes
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        for each in node.body
        if isinstance(each, ast.Expr)
    }
    # What is below a disk need not be a file: another one takes its place where the bytes are a server's.
    of_disks = ("target", "disk", "volume", "window")
    attributes = (node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "descriptor")
    strings = (node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    within = path.with_suffix("").parts
    return Module(
        path=path,
        name=".".join(("osdimage", package, *within[len(within) - within[::-1].index(package) :])),
        imports=frozenset(imported_names(nodes)),
        calls=frozenset(ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)),
        names=frozenset(node.id for node in nodes if isinstance(node, ast.Name)),
        descriptors=frozenset(ast.unparse(node) for node in attributes if ast.unparse(node.value).endswith(of_disks)),
        texts=tuple((node.lineno, str(node.value)) for node in strings if id(node) not in documents),
    )


def imported_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import would hide from this test, and the code has none.
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def modules() -> tuple[Module, ...]:
    return tuple(read_module(path, package) for package in ALLOWED for path in modules_of(package))


@pytest.fixture(scope="module")
def library(modules: tuple[Module, ...]) -> tuple[Module, ...]:
    return tuple(each for each in modules if each.package == "imaging")


def against(rule: Callable[[Module], object], modules: Iterable[Module]) -> dict[str, object]:
    """Return what of modules is against a rule, by their names."""
    found = {each.name: rule(each) for each in modules}
    assert len(found) > 20
    return {name: what for name, what in found.items() if what}


def test_imports_point_from_cli_to_imaging_to_native(modules: tuple[Module, ...]) -> None:
    def upwards(module: Module) -> set[str]:
        names = [name.split(".") for name in module.imports]
        targets = {parts[1] for parts in names if parts[0] == "osdimage"} - {"__version__"}
        # The folders of a checkout are importable by their bare names from its root, and would be loaded twice.
        return (targets - ALLOWED[module.package]) | ({parts[0] for parts in names} & set(ALLOWED))

    assert not against(upwards, modules)


def room_of(name: str) -> str:
    """Return the room of a module of imaging, by its name behind ``osdimage.imaging.``."""
    first = name.partition(".")[0]
    return first if first in ROOMS or first in ATTIC else GROUND


def test_a_room_imports_only_what_its_row_names(library: tuple[Module, ...]) -> None:
    def beyond(module: Module) -> set[str]:
        inner = module.name.removeprefix("osdimage.imaging").removeprefix(".")
        own = room_of(inner)
        if own in ATTIC:
            return set()
        of_imaging = (name for name in module.imports if name.startswith("osdimage.imaging."))
        rooms = {room_of(name.removeprefix("osdimage.imaging.")) for name in of_imaging}
        native = {name.split(".")[2] for name in module.imports if name.startswith("osdimage.native.")}
        below, parts = ROOMS[own]
        allowed = native if "any" in parts else parts | GROUND_NATIVE.get(inner, set())
        return (rooms - {own, GROUND, *below}) | (native - allowed)

    assert not against(beyond, library)


def test_nobody_but_the_disk_room_asks_a_target_for_its_descriptor(modules: tuple[Module, ...]) -> None:
    others = [
        each for each in modules if each.package != "native" and not each.name.startswith("osdimage.imaging.disk.")
    ]
    assert not against(lambda module: module.descriptors, others)


def test_every_folder_of_imaging_is_a_room_and_the_rooms_form_one_order() -> None:
    folders = {path.name for path in modules_of("imaging")[0].parent.iterdir() if (path / "__init__.py").exists()}
    # What is installed above imaging has its source in it, when that is where the tests find the package.
    assert folders - {"_package"} == set(ROOMS) - {GROUND}
    # The table is written from the ground up: a row names only rows above it.
    order = list(ROOMS)
    assert all(order.index(below) < order.index(room) for room, (rooms, _) in ROOMS.items() for below in rooms)


def test_the_picture_of_the_house_has_every_room_above_those_that_it_imports() -> None:
    picture = (Path(__file__).parents[1] / "docs" / "pictures" / "house.svg").read_text(encoding="utf-8")
    heights = {name: int(y) for y, name in re.findall(r'<text class="room" x="\d+" y="(\d+)">([^<]+)</text>', picture)}
    assert set(heights) == {*ROOMS, *ATTIC, "cli", "native"}
    assert all(heights[room] < heights[below] for room, (rooms, _) in ROOMS.items() for below in rooms)
    in_order = ("cli", *sorted(ATTIC), "media", GROUND, "native")
    assert [heights[each] for each in in_order] == sorted(heights[each] for each in in_order)


def test_every_folder_of_the_source_is_installed() -> None:
    root = Path(__file__).parents[1]
    folders = {path.parent.relative_to(root) for part in ALLOWED for path in (root / part).rglob("__init__.py")}
    found = {f"osdimage.{'.'.join(folder.parts)}" for folder in folders if folder.name != "_package"}
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert found == set(listed) - {"osdimage"}


def test_no_module_of_imaging_imports_itself_by_way_of_others(library: tuple[Module, ...]) -> None:
    named = {each.name: each for each in library if each.path.name != "__init__.py"}
    waiting = {
        name: {
            imported
            for each in module.imports
            for imported in (each, each.rpartition(".")[0])
            if imported in named and imported != name
        }
        for name, module in named.items()
    }
    while leaves := {name for name, below in waiting.items() if not below}:
        waiting = {name: below - leaves for name, below in waiting.items() if name not in leaves}
    assert not waiting, f"imported in a ring, or above one: {sorted(waiting)}"


def test_nothing_below_cli_prints_exits_or_knows_click(modules: tuple[Module, ...]) -> None:
    told = {"print", "sys.exit", "exit", "quit", "os._exit", "sys.stdout.write", "sys.stderr.write"}

    def speaking(module: Module) -> set[str]:
        found = module.calls & told | {name.split(".")[0] for name in module.imports} & {"click", "rich"}
        # setuptools runs _build.py; it is no part of the library.
        return set(found) if module.path.name == "_build.py" else set(found | module.names & {"SystemExit"})

    assert not against(speaking, [each for each in modules if each.package != "cli"])


def test_the_library_knows_no_option_and_no_verb_of_the_command(library: tuple[Module, ...]) -> None:
    told = re.compile(rf" --[a-z]|osdimage ({'|'.join(COMMANDS)})\b")
    # doctor names the commands that install things, and their options; scripts of iPXE have options of their own.
    others = [each for each in library if not each.name.endswith((".doctor", ".media.netboot.scripts"))]
    found = against(lambda module: [each for each in module.texts if told.search(each[1])], others)
    assert not found, "a message is of partitions and images; an error carries a remedy, which guidance/advice.py words"


def test_only_one_module_knows_pyfatfs_and_only_the_part_of_it_that_loads_everywhere(
    modules: tuple[Module, ...],
) -> None:
    users = against(lambda module: {name for name in module.imports if name.startswith("pyfatfs")}, modules)
    # pyfatfs.PyFatFS needs the package fs, and that pkg_resources, which setuptools no longer has.
    assert users == {
        "osdimage.imaging.volume.fat.second": {"pyfatfs.PyFat.PyFat", "pyfatfs._exceptions.PyFATException"}
    }


def test_the_checker_of_ntfs_shares_nothing_with_what_it_checks(library: tuple[Module, ...]) -> None:
    # A mistake that a writer or the reader had in common with it would hide itself.
    own = "osdimage.imaging.volume.ntfs.check"

    def shared(module: Module) -> set[str]:
        outside = {name for name in module.imports if name.startswith(("osdimage.imaging.volume", "osdimage.native"))}
        return {name for name in outside if not name.startswith(own)}

    checker = [each for each in library if each.name.startswith(own)]
    assert len(checker) > 10
    assert not against(shared, checker)


def names_told(face: str) -> dict[str, str]:
    """Return what the stub of a face tells type checkers: the public names, and the module of each."""
    stub = Path(str(importlib.import_module(face).__file__)).with_suffix(".pyi")
    return {
        str(alias.asname): str(node.module)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


@pytest.mark.parametrize("face", FACES)
def test_type_checkers_are_told_the_public_names_and_where_each_is(face: str) -> None:
    module, told = importlib.import_module(face), names_told(face)
    assert sorted(told) == sorted(module.__all__), "run .ci/faces.py"
    for name, home in told.items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("face", FACES)
def test_a_public_name_is_no_module_beside_it(face: str) -> None:
    # Whoever imports the module would put it in the place of the name.
    beside = {path.stem for path in Path(str(importlib.import_module(face).__file__)).parent.iterdir()}
    assert not beside & set(importlib.import_module(face).__all__)


@pytest.mark.parametrize("face", FACES)
def test_dir_lists_the_public_names_and_others_are_refused(face: str) -> None:
    module = importlib.import_module(face)
    assert dir(module) == sorted(module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # noqa: B018 - the access is the test


def test_a_name_of_the_front_door_is_the_same_in_its_room() -> None:
    homes = {name: home for face in FACES[1:] for name, home in names_told(face).items()}
    front = names_told(FACES[0])
    assert len(front) <= LARGEST_FRONT
    assert {name: homes[name] for name in front if name in homes} == {
        name: home for name, home in front.items() if name in homes
    }
    # Modules of these names stand in the way; see _faces.py.  The rest is of the ground floor.
    alone = {name for name, home in front.items() if name not in homes and home.count(".") > 2}
    assert alone == {"execute", "place", "verify_file"}


def test_what_the_pages_import_is_public() -> None:
    root = Path(__file__).parents[1]
    text = "".join(page.read_text(encoding="utf-8") for page in (root / "README.md", *(root / "docs").rglob("*.md")))
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks += [path.read_text(encoding="utf-8") for path in (root / "docs" / "examples").glob("*.py")]
    names = {
        name for block in blocks for name in imported_names(ast.walk(ast.parse(block))) if name.startswith("osdimage.")
    }
    assert names
    for name in names:
        face, _, public = name.rpartition(".")
        assert public in importlib.import_module(face).__all__


def test_what_the_pages_on_formats_and_design_name_of_the_source_is_there() -> None:
    root = Path(__file__).parents[1]
    pages = [*(root / "docs" / "design").glob("*.md"), *(root / "docs" / "reference" / "formats").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"`((?:imaging|native|tests)/[\w./]+)`", text))
    assert len(named) > 30
    assert not [name for name in sorted(named) if not (root / name).exists()]


@pytest.mark.parametrize("face", FACES)
def test_importing_a_face_imports_nothing_of_its_room(face: str) -> None:
    script = f"import {face}, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("osdimage.")}
    assert loaded == {"osdimage.imaging", "osdimage.imaging._faces", face}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_start_up_loads_nothing_heavy(option: str) -> None:
    script = (
        "import sys\n"
        "from osdimage.cli.main import main\n"
        f"sys.argv = ['osdimage', {option!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as leaving:\n"
        "    assert not leaving.code, leaving.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(("osdimage ", "Usage: "))
    loaded = set(done.stderr.split())
    assert "osdimage.cli.main" in loaded
    assert not loaded & {*HEAVY, "click"}


def test_work_on_a_wim_alone_loads_nothing_of_partition_tables() -> None:
    script = (
        "import sys\n"
        "import osdimage.cli.wim.apply, osdimage.cli.wim.capture, osdimage.cli.wim.export\n"
        "from osdimage.imaging import WimFile, apply_image, capture_image\n"
        "print('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "osdimage.imaging.apply.image" in loaded
    # libwim is what these are for.
    assert not loaded & (set(HEAVY) - {"osdimage.native"})


def test_a_checkout_named_osdimage_does_not_hide_the_package(tmp_path: Path) -> None:
    (tmp_path / "osdimage" / "imaging").mkdir(parents=True)
    script = "import osdimage, osdimage.imaging.errors; print(osdimage.__version__, osdimage.__file__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    version, file = done.stdout.split()
    assert version == importlib.metadata.version("osdimage")
    assert not Path(file).is_relative_to(tmp_path)


def test_importing_the_library_alone_loads_no_c_library() -> None:
    script = "import osdimage.imaging, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"cffi", "_cffi_backend", "osdimage.native", "click"}


def files_below(folder: Path) -> dict[str, str]:
    """Return the texts of the files below a folder, by their paths in it."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in found}


def test_manual_pages_and_completions_say_what_the_commands_say(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, root / ".ci" / "manual.py", tmp_path], check=True)
    made, committed = files_below(tmp_path), files_below(root / "packaging" / "share")
    stale = sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))
    assert not stale, "run `python .ci/manual.py`"
