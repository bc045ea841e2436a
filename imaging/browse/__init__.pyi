# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.browse.extract import extract_from_volume as extract_from_volume
from osdimage.imaging.browse.places import open_disc_tree as open_disc_tree, open_tree as open_tree
from osdimage.imaging.browse.recovering import RecoveringTree as RecoveringTree
from osdimage.imaging.browse.tree import Found as Found, Unreadable as Unreadable, VolumeTree as VolumeTree
