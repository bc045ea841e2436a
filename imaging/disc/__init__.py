"""Optical discs in files: read, of UDF, and of ISO 9660 with Rock Ridge or Joliet; and made, of UDF.

A disc has one tree of files or several, of the same blocks: ``udf/`` and ``iso/`` read one each, ``tree.py`` is
what they have in common, and ``opened.py`` opens the one that tells most.  ``recognised.py`` finds which there are, and
``eltorito.py`` what a firmware starts.  ``written/`` makes new ones; one that is there is never changed.

Whoever made the file is not trusted: every number of it is compared with the size of the file (``source.py``), and what
describes files may be read once each, so that a small file cannot keep a reader busy for long.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "eltorito": ("BootEntry", "Emulation", "Platform"),
        "facts": ("DiscExtent", "DiscFile", "FileKind", "TreeFacts", "TreeKind", "UnixFacts"),
        "opened": ("Disc", "open_disc"),
        "written.contents": ("BytesContents", "Contents", "FileContents", "JoinedContents", "contents_of_file"),
        "written.plan": ("DiscPlan", "DiscSettings", "plan_disc"),
        "written.tree": ("DiscNode", "NewFile", "NewFolder"),
        "written.write": ("write_disc",),
    },
)
