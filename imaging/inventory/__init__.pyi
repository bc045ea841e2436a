# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.inventory.columns import (
    Column as Column,
    ColumnKind as ColumnKind,
    parse_columns as parse_columns,
)
from osdimage.imaging.inventory.computers import Computer as Computer, Inventory as Inventory
from osdimage.imaging.inventory.loading import load_inventory as load_inventory
from osdimage.imaging.inventory.table import TableForm as TableForm, read_table as read_table
