"""The file of a catalog: what is none, several processes at once, processes that are killed, disks that are full."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from cases.offered import offered
from cases.smalldisk import read_only, small_disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.drivers.store import schema
from osdimage.imaging.drivers.store.adding import ImportWish, add_drivers
from osdimage.imaging.drivers.store.catalog import DriverCatalog, all_drivers, driver_number, files_of, open_catalog
from osdimage.imaging.drivers.store.named import all_packages
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError, TargetRefused

TESTS = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a catalog of two drivers, which nobody changes."""
    folder = tmp_path_factory.mktemp("catalog")
    with open_catalog(folder / "drivers.db", creates=True) as opened:
        both = [offered("First", inf="first.inf"), offered("Second", inf="second.inf", files={"second.inf": b"2"})]
        add_drivers(opened, both, ImportWish(categories=("Storage",), package="Both"))
    return folder


@pytest.fixture
def path(material: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of it."""
    shutil.copytree(material, tmp_path / "copy")
    return tmp_path / "copy" / "drivers.db"


def by_sqlite(path: Path, *statements: str) -> None:
    """Do what another program could do to a file."""
    connection = sqlite3.connect(path)
    for each in statements:
        connection.execute(each)
    connection.commit()
    connection.close()


# ---- what is no catalog


def test_a_missing_and_an_empty_file_are_no_catalog_until_something_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="there is no catalog of drivers"), open_catalog(path):
            pass
        path.touch()
    with open_catalog(path, creates=True) as opened:
        add_drivers(opened, [offered()])
    with open_catalog(path) as opened:
        assert len(all_drivers(opened)) == 1


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        pytest.param(f"PRAGMA user_version = {schema.VERSION + 1}", "made by a newer osdimage", id="newer"),
        pytest.param("PRAGMA user_version = 0", "its tables are not those", id="older than any"),
        pytest.param("PRAGMA application_id = 1", "a file of SQLite of another program", id="of another program"),
        pytest.param("PRAGMA journal_mode = WAL", "write-ahead log", id="WAL"),
        pytest.param("CREATE TABLE more (id)", "its tables are not those", id="another table"),
        pytest.param("DROP INDEX model_id", "its tables are not those", id="an index less"),
        pytest.param("CREATE VIEW v AS SELECT 1", "its tables are not those", id="view"),
        pytest.param(
            "CREATE TRIGGER t AFTER INSERT ON driver BEGIN DELETE FROM file; END", "its tables are not", id="trigger"
        ),
    ],
)
@pytest.mark.parametrize("writes", [False, True])
def test_what_is_not_exactly_a_catalog_is_refused(path: Path, statement: str, message: str, writes: bool) -> None:
    by_sqlite(path, statement)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match=message), open_catalog(path, writes=writes):
        pass
    assert path.read_bytes() == before


def test_a_table_that_became_a_view_runs_nothing(path: Path) -> None:
    # What a hostile file does to who selects from it: a view in the place of a table, whose text is still that of one.
    by_sqlite(
        path,
        "ALTER TABLE driver RENAME TO hidden",
        "CREATE VIEW driver AS SELECT *, load_extension('/nowhere') FROM hidden",
    )
    with pytest.raises(InvalidInput, match="its tables are not those"), open_catalog(path):
        pass


def test_statistics_of_analyze_are_nobodys_harm(path: Path) -> None:
    by_sqlite(path, "ANALYZE")
    with open_catalog(path) as opened:
        assert len(all_drivers(opened)) == 2


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'[Version]\r\nSignature="$Windows NT$"\r\n', id="text"),
        pytest.param(b"\0" * 4096, id="zeros"),
        pytest.param(b"SQLite format 3\0", id="cut short"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "drivers.db"
    path.write_bytes(content)
    for creates in (False, True):
        with pytest.raises(InvalidInput, match="is no catalog of drivers"), open_catalog(path, creates=creates):
            pass
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["drivers.db"]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE file SET path = '../../' || path", id="path that leads out"),
        pytest.param("UPDATE file SET path = 'C:/x' WHERE driver = 1 AND size > 0 AND path = 'first.inf'", id="drive"),
        pytest.param("UPDATE file SET sha256 = '../../x'", id="no SHA-256"),
        pytest.param("UPDATE file SET size = -1", id="negative size"),
        pytest.param("UPDATE driver SET applies = 'x'", id="applicability"),
        pytest.param("UPDATE driver SET date = '2024-99-99'", id="date"),
        pytest.param("UPDATE driver SET version = '1.2'", id="version"),
        pytest.param("UPDATE driver SET imported = 9223372036854775807", id="time"),
        pytest.param("UPDATE driver SET digest = id", id="digest"),
        pytest.param("INSERT INTO platform VALUES (1, 'mips')", id="platform"),
        pytest.param("INSERT INTO variant VALUES (1, '../viostor/w11/amd64')", id="folder that leads out"),
        pytest.param("UPDATE driver SET name = CAST(x'ff' AS TEXT)", id="no UTF-8"),
    ],
)
def test_rows_that_no_catalog_of_ours_has_are_told_as_damage(path: Path, statement: str) -> None:
    by_sqlite(path, statement)
    with open_catalog(path) as opened, pytest.raises(InvalidInput, match="the catalog is damaged"):
        look_at_all(opened)


def look_at_all(opened: DriverCatalog) -> None:
    for each in all_drivers(opened):
        files_of(opened, driver_number(opened, each.name))
    all_packages(opened)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_one_of_our_errors(material: Path, tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray((material / "drivers.db").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    size = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    path = tmp_path / "drivers.db"
    path.write_bytes(damaged[:size])
    with suppress(OsdImageError), open_catalog(path) as opened:
        look_at_all(opened)


# ---- where it cannot be written


@pytest.mark.foreign
@pytest.mark.root
def test_a_catalog_on_a_read_only_disk_is_read_and_not_changed(path: Path) -> None:
    with read_only(path.parent) as disk:
        assert run_catalog(path, "print(sorted(each.name for each in all_drivers(opened)))", prefix=disk.prefix) == (
            "['First', 'Second']\n"
        )
        said = run_catalog(path, "add_drivers(opened, [offered('Third')])", prefix=disk.prefix, writes=True)
        assert said == f"StorageError: {path}.contents: Read-only file system\n"
        interrupted(path)
        said = run_catalog(path, "print(all_drivers(opened))", prefix=disk.prefix)
        assert said.startswith(f"StorageError: {path}: a change of it was interrupted and has to be taken back first")


def interrupted(path: Path) -> None:
    """Leave what a process leaves that is killed while it commits: the file half changed, and the journal beside it."""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO history (moment, kind, name, what) VALUES (1, 'driver', 'x', ?)", [("y" * 900,)] * 200
    )
    connection.execute("UPDATE driver SET name = 'half', folded = id")
    connection.execute("UPDATE history SET what = 'z'")
    shutil.copyfile(copy, path)
    shutil.copyfile(f"{copy}-journal", f"{path}-journal")
    connection.close()
    for each in (copy, Path(f"{copy}-journal")):
        each.unlink(missing_ok=True)


def test_a_reader_takes_back_what_a_killed_writer_has_begun(path: Path) -> None:
    before = path.read_bytes()
    interrupted(path)
    assert path.read_bytes() != before
    with open_catalog(path) as opened:
        assert [each.name for each in all_drivers(opened)] == ["First", "Second"]
    assert not Path(f"{path}-journal").exists()


@pytest.mark.foreign
@pytest.mark.root
@pytest.mark.parametrize("size", ["400KiB", "600KiB"])
def test_a_full_disk_leaves_what_was_there(path: Path, tmp_path: Path, size: str) -> None:
    place = tmp_path / "small"
    place.mkdir()
    with small_disk(place, 1 << 20) as disk:
        subprocess.run([*disk.prefix, "cp", "-a", f"{path.parent}/.", place], check=True)
        subprocess.run([*disk.prefix, "truncate", "-s", "0", place / "ballast"], check=True)
        subprocess.run([*disk.prefix, "fallocate", "-l", size, place / "ballast"], check=True)
        before = {each.name for each in (disk.seen).iterdir()}
        many = "[offered(f'D{n}', inf=f'{n}.inf', files={f'{n}.inf': str(n).encode() * 2000}) for n in range(900)]"
        said = run_catalog(place / "drivers.db", f"add_drivers(opened, {many})", prefix=disk.prefix, writes=True)
        assert said in {
            f"StorageError: {place}/drivers.db{where}: No space left on device\n" for where in ("", ".contents")
        }
        assert {each.name for each in disk.seen.iterdir()} == before
        look = "print([each.name for each in all_drivers(opened)])"
        names = run_catalog(place / "drivers.db", look, prefix=disk.prefix)
        assert names == "['First', 'Second']\n"


# ---- several processes


SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from cases.offered import offered
from osdimage.imaging.drivers.store.adding import ImportWish, add_drivers
from osdimage.imaging.drivers.store.catalog import all_drivers, open_catalog
from osdimage.imaging.drivers.store.settings import remove_drivers
from osdimage.imaging.errors import OsdImageError
try:
    with open_catalog(Path({path!r}), writes={writes}, creates={writes}, busy_s={busy_s}) as opened:
        {work}
except OsdImageError as error:
    print(f"{{[each.__name__ for each in type(error).__mro__ if 'osdimage' in each.__module__][0]}}: {{error}}")
"""


def script(path: Path, work: str, *, writes: bool = False, busy_s: float = 20) -> list[str]:
    text = SCRIPT.format(tests=str(TESTS), path=str(path), work=work, writes=writes, busy_s=busy_s)
    return [sys.executable, "-c", text]


def run_catalog(path: Path, work: str, *, prefix: tuple[str, ...] = (), writes: bool = False) -> str:
    command = [*prefix, *script(path, work, writes=writes)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_processes_that_import_and_remove_at_once_wait_for_each_other(tmp_path: Path) -> None:
    # Each has a file of its own and one that all have, which comes and goes under the others' hands.
    work = (
        "[add_drivers(opened, [offered(f'{n}', inf=f'{n}.inf', files={f'{n}.inf': b'%d' % n, 'x.sys': b'shared'})])"
        " and (round % 2 or remove_drivers(opened, [f'{n}'])) for round in range(8) for n in ({number},)]"
    )
    path = tmp_path / "drivers.db"
    workers = [
        subprocess.Popen(script(path, work.replace("{number}", str(number)), writes=True), stdout=subprocess.PIPE)
        for number in range(4)
    ]
    assert [worker.communicate()[0] for worker in workers] == [b""] * 4
    with open_catalog(path, writes=True) as opened:
        assert {each.name for each in all_drivers(opened)} == {"0", "1", "2", "3"}
        judge(opened)


def test_a_writer_that_does_not_let_go_is_one_line(path: Path) -> None:
    with open_catalog(path, writes=True) as opened, opened.database.transaction():
        # Who reads is not kept waiting.
        with open_catalog(path, busy_s=0.1) as reader:
            assert len(all_drivers(reader)) == 2
        with (
            open_catalog(path, writes=True, busy_s=0.1) as other,
            pytest.raises(TargetRefused, match="another process is changing this catalog"),
        ):
            add_drivers(other, [offered("Third")])


def judge(opened: DriverCatalog) -> None:
    """Find all that is named, whole, and nothing else."""
    named = opened.database.rows("SELECT DISTINCT sha256, size FROM file")
    for digest, size in named:
        assert isinstance(digest, str)
        assert isinstance(size, int)
        opened.contents.read(digest, size)
    assert {*opened.contents.all()} == {digest for digest, _ in named}
    assert list(opened.contents.folder.glob(".*")) == []


# Forks for each moment: what Python tells of (opened, renamed, removed, ...), and each statement.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from cases.offered import offered
from osdimage.imaging.drivers.store.adding import ImportWish, add_drivers
from osdimage.imaging.drivers.store.catalog import all_drivers, open_catalog
from osdimage.imaging.drivers.store.database import Database
from osdimage.imaging.drivers.store.settings import remove_drivers
material, place = Path({material!r}), Path({place!r})
left = [0]
def step(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def work(path):
    with open_catalog(path, writes=True, creates=True) as opened:
        opened.database._connection.set_trace_callback(step)
        {work}
moment = 0
while True:
    moment += 1
    folder = place / str(moment)
    shutil.copytree(material, folder)
    child = os.fork()
    if not child:
        sys.addaudithook(lambda event, _: event.startswith(("os.", "shutil.")) and step())
        left[0] = moment
        work(folder / "drivers.db")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(moment)
"""


@pytest.mark.parametrize(
    ("work", "states"),
    [
        pytest.param(
            "add_drivers(opened, [offered(f'N{n}', inf=f'{n}.inf') for n in range(3)], ImportWish(package='New'))",
            ({"First", "Second"}, {"First", "Second", "N0", "N1", "N2"}),
            id="import",
        ),
        pytest.param("remove_drivers(opened, ['First', 'Second'])", ({"First", "Second"}, set()), id="remove"),
    ],
)
def test_a_process_that_is_killed_leaves_the_old_state_or_the_new(
    material: Path, tmp_path: Path, work: str, states: tuple[set[str], set[str]]
) -> None:
    text = KILLED.format(tests=str(TESTS), material=str(material), place=str(tmp_path), work=work)
    moments = int(subprocess.run([sys.executable, "-c", text], check=True, stdout=subprocess.PIPE).stdout)
    assert moments > 20
    seen = []
    for moment in range(1, moments + 1):
        path = tmp_path / str(moment) / "drivers.db"
        with open_catalog(path) as opened:
            seen.append({each.name for each in all_drivers(opened)})
            for digest, size in opened.database.rows("SELECT sha256, size FROM file"):
                assert isinstance(digest, str)
                assert isinstance(size, int)
                opened.contents.read(digest, size)
        # The next one who writes sweeps up.
        with open_catalog(path, writes=True) as opened:
            judge(opened)
    assert all(state in states for state in seen)
    assert seen[0] == states[0]
    assert seen[-1] == states[1]
