"""The trees that benchmarks measure with."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TREES = Path(__file__).resolve().parents[2] / "benchmarks" / "trees.py"


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module, which takes its files from two folders: three in each, and one name that Windows has not."""
    spec = importlib.util.spec_from_file_location("trees", TREES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for folder in (tmp_path / "one", tmp_path / "two"):
        for name in ("a", "b", "c"):
            (folder / name).mkdir(parents=True)
            (folder / name / "file").write_bytes(b"content")
        (folder / "a" / "file:2").touch()
    monkeypatch.setattr(module, "FOLDERS", (str(tmp_path / "one"), str(tmp_path / "two")))
    monkeypatch.delenv("BENCH_FILES", raising=False)
    return module


@pytest.mark.parametrize(("asked", "count"), [(None, 5), ("2", 2), ("100", 6)])
def test_a_tree_has_as_many_files_as_are_asked_for_if_there_are(
    trees: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, count: int
) -> None:
    if asked is not None:
        monkeypatch.setenv("BENCH_FILES", asked)
    assert trees.copy_tree(tmp_path / "tree", 5) == count
    files = [path for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert len(files) == count
    assert all(path.name == "file" for path in files)
