"""The rules between the packages: who may import whom, who may print, what is public, and what start-up may load."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import osdimage.imaging
import pytest

ALLOWED = {
    "cli": {"cli", "imaging"},
    "imaging": {"imaging", "native"},
    "native": {"native"},
}
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


def module_id(path: Path) -> str:
    return "/".join(path.parts[path.parts.index("osdimage") :]) if "osdimage" in path.parts else path.name


MODULES = [(package, path) for package in ALLOWED for path in modules_of(package)]
BELOW_CLI = [path for package, path in MODULES if package != "cli"]


def imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import would hide from this test, and the code has none.
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("package", "path"), MODULES, ids=[module_id(path) for _, path in MODULES])
def test_imports_point_from_cli_to_imaging_to_native(package: str, path: Path) -> None:
    names = [name.split(".") for name in imported_names(ast.parse(path.read_text(encoding="utf-8")))]
    targets = {parts[1] for parts in names if parts[0] == "osdimage"}
    assert targets <= ALLOWED[package]
    # The folders of a checkout are importable by their bare names from its root, and would be loaded twice.
    assert not {parts[0] for parts in names} & set(ALLOWED)


@pytest.mark.parametrize("path", BELOW_CLI, ids=module_id)
def test_nothing_below_cli_prints_exits_or_knows_click(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"print", "sys.exit", "exit", "quit", "os._exit", "sys.stdout.write", "sys.stderr.write"}
    assert not {name.split(".")[0] for name in imported_names(tree)} & {"click", "rich"}
    # setuptools runs _build.py; it is no part of the library.
    if path.name != "_build.py":
        assert "SystemExit" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_only_one_module_knows_pyfatfs_and_only_the_part_of_it_that_loads_everywhere() -> None:
    users = {
        path.name: names
        for path in BELOW_CLI
        if (
            names := {n for n in imported_names(ast.parse(path.read_text(encoding="utf-8"))) if n.startswith("pyfatfs")}
        )
    }
    # pyfatfs.PyFatFS needs the package fs, and that pkg_resources, which setuptools no longer has.
    assert users == {"second.py": {"pyfatfs.PyFat.PyFat", "pyfatfs._exceptions.PyFATException"}}


def test_type_checkers_are_told_the_public_names_and_where_each_is() -> None:
    stub = Path(osdimage.imaging.__file__).with_suffix(".pyi")
    told = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == {name: f"osdimage.imaging.{module}.{name}" for name, module in osdimage.imaging._HOME.items()}
    assert len(osdimage.imaging.__all__) == sum(len(names) for names in osdimage.imaging._NAMES.values())


@pytest.mark.parametrize("name", osdimage.imaging.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(importlib.import_module("osdimage.imaging"), name) is not None


def test_dir_lists_the_public_names_and_others_are_refused() -> None:
    assert dir(osdimage.imaging) == sorted(osdimage.imaging.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        osdimage.imaging.nothing  # noqa: B018 - the access is the test


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
        "import osdimage.cli.apply, osdimage.cli.capture, osdimage.cli.export\n"
        "from osdimage.imaging import WimFile, apply_image, capture_image\n"
        "print('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "osdimage.imaging.apply.image" in loaded
    # libwim is what these are for.
    assert not loaded & (set(HEAVY) - {"osdimage.native"})


def test_importing_the_library_alone_loads_no_c_library() -> None:
    script = "import osdimage.imaging, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"cffi", "_cffi_backend", "osdimage.native", "click"}
