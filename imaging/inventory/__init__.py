"""Inventories: which computers there are, and what is known of each before it runs.

``computers.py`` is what an inventory tells, in no file's format; ``addresses.py`` reads what a computer is known by.
``table.py`` reads the tables that ConfigMgr imports, by the columns of ``columns.py``; ``loading.py`` opens a file.  A
reader takes all of a file or nothing, and tells every fault at once: half an inventory would leave computers out.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "columns": ("Column", "ColumnKind", "parse_columns"),
        "computers": ("Computer", "Inventory"),
        "loading": ("load_inventory",),
        "table": ("TableForm", "read_table"),
    },
)
