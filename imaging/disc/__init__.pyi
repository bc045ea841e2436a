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
from osdimage.imaging.disc.written.contents import (
    BytesContents as BytesContents,
    Contents as Contents,
    FileContents as FileContents,
    JoinedContents as JoinedContents,
    contents_of_file as contents_of_file,
)
from osdimage.imaging.disc.written.plan import (
    DiscPlan as DiscPlan,
    DiscSettings as DiscSettings,
    plan_disc as plan_disc,
)
from osdimage.imaging.disc.written.tree import DiscNode as DiscNode, NewFile as NewFile, NewFolder as NewFolder
from osdimage.imaging.disc.written.write import write_disc as write_disc
