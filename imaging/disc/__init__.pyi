# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.disc.eltorito import BootEntry as BootEntry, Emulation as Emulation, Platform as Platform
from osdimage.imaging.disc.facts import (
    DiscExtent as DiscExtent,
    DiscFile as DiscFile,
    FileKind as FileKind,
    TreeFacts as TreeFacts,
    TreeKind as TreeKind,
    UnixFacts as UnixFacts,
)
from osdimage.imaging.disc.opened import Disc as Disc, open_disc as open_disc
