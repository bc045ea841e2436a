"""The tables of a catalog: declared once, compared with what a file has before anything of it is read.

A catalog may be anybody's file.  One whose tables, indexes, views or triggers are not exactly these is refused, so that
none of its own code runs.  Names and ids are stored twice, as they were written and folded, because SQLite compares
only ASCII letters without case.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x4F534443
"""``application_id`` in the header of the file: ``OSDC``."""
VERSION = 1
"""``user_version``: raised by one for each change of the tables, never for what readers can pass over."""

TABLES = (
    # digest: of the list of files.  signed: the architectures with a catalog file.  applies: inf, any or listed.
    """CREATE TABLE driver (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL UNIQUE,
        inf TEXT NOT NULL,
        class_name TEXT,
        class_guid TEXT,
        provider TEXT,
        date TEXT,
        version TEXT,
        extension_id TEXT,
        primitive INTEGER NOT NULL,
        signed TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        applies TEXT NOT NULL,
        imported INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE file (
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (driver, path)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX file_content ON file (sha256)",
    # A Models section, also an empty one: which of an entry's is chosen depends on all of them.
    """CREATE TABLE section (
        id INTEGER PRIMARY KEY,
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        entry INTEGER NOT NULL,
        decoration TEXT NOT NULL,
        models INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX section_driver ON section (driver)",
    # An install section on an architecture.  nt: its name is decorated.  components: ids, one a line.
    """CREATE TABLE install (
        id INTEGER PRIMARY KEY,
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        name TEXT NOT NULL,
        feature_score INTEGER NOT NULL,
        nt INTEGER NOT NULL,
        date TEXT,
        version TEXT,
        components TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX install_driver ON install (driver)",
    # number: of the line in the section.  position: 0 for the hardware id, k for the k-th compatible id.
    """CREATE TABLE model (
        section INTEGER NOT NULL REFERENCES section ON DELETE CASCADE,
        number INTEGER NOT NULL,
        position INTEGER NOT NULL,
        folded TEXT NOT NULL,
        id TEXT NOT NULL,
        install INTEGER NOT NULL REFERENCES install ON DELETE CASCADE,
        description TEXT NOT NULL,
        PRIMARY KEY (section, number, position)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX model_id ON model (folded)",
    "CREATE INDEX model_install ON model (install)",
    # A folder of a collection whose names say for which Windows it is: viostor/w11/amd64.
    """CREATE TABLE variant (
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        folder TEXT NOT NULL,
        PRIMARY KEY (driver, folder)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE platform (
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        platform TEXT NOT NULL,
        PRIMARY KEY (driver, platform)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE warning (
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        number INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (driver, number)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE category (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE
    ) STRICT""",
    """CREATE TABLE driver_category (
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        category INTEGER NOT NULL REFERENCES category ON DELETE CASCADE,
        PRIMARY KEY (driver, category)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX driver_category_category ON driver_category (category)",
    """CREATE TABLE package (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        description TEXT NOT NULL,
        created INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE member (
        package INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
        driver INTEGER NOT NULL REFERENCES driver ON DELETE CASCADE,
        PRIMARY KEY (package, driver)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX member_driver ON member (driver)",
    # What it is about stays readable when that is gone.
    """CREATE TABLE history (
        id INTEGER PRIMARY KEY,
        moment INTEGER NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        what TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX history_name ON history (kind, name)",
)

Declared = frozenset[tuple[str, str, str, str | None]]
"""Type, name, table and text of all that a file declares."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables inside the transaction that is open."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def declared(connection: sqlite3.Connection) -> Declared:
    """Return what a file declares, but for the statistics that ANALYZE makes."""
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))"
    )
    return frozenset(map(tuple, rows))


def wanted() -> Declared:
    """Return what a catalog declares, as this SQLite writes it down."""
    connection = sqlite3.connect(":memory:")
    try:
        create(connection)
        return declared(connection)
    finally:
        connection.close()
