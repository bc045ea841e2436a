"""The container: WIM files and what is in them.

Begin with the nouns: ``file.py`` is an open WIM, ``image.py`` one image of it, ``select.py`` how one is chosen, and
``described/`` what both say of themselves.

The verbs: ``write.py`` makes a new WIM, ``copied/`` one of the images of others, whole or in parts, ``edited/``
changes one where it stands, ``extracted/`` and ``files.py`` take files out, ``renamed/`` gives them other names, and
those in ``checks/`` find what is wrong.  ``delta/`` is about WIMs that leave contents to others, ``piped/`` about those
that come and go through pipes, ``raw/`` copies and cuts without compressing anything again, and ``stored/`` is all of
it as bytes.

``placed/`` knows where the bytes of a WIM are: in a file of its own, or inside another, such as a disc.

``entries.py`` and ``failures.py`` are the border of the native layer: what an image holds, and what went wrong, in the
words of the rooms above.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "checks.names": ("Names",),
        "checks.verify": ("Problem", "ProblemKind", "VerifyReport"),
        "compression": ("Compression", "CompressionSpec"),
        "copied.export": ("ExportOptions", "ExportResult", "export_images"),
        "copied.join": ("JoinResult", "join_wim"),
        "copied.optimize": ("OptimizeOptions", "OptimizeResult", "optimize_wim"),
        "copied.split": ("SplitResult", "split_images", "split_wim"),
        "delta.export": ("export_delta",),
        "delta.needs": ("Needs", "Share", "needs_of"),
        "described.base": ("NotedBase",),
        "described.blobs": ("StoredBlob",),
        "described.captured": ("CapturedDisk", "CapturedPartition", "Kept"),
        "described.info": ("ImageInfo", "WimHeader", "WindowsInfo"),
        "described.properties": ("ImageProperties",),
        "edited.commands": (
            "AddTree",
            "Change",
            "ChangeKind",
            "Command",
            "DeletePath",
            "EditFile",
            "EditFiles",
            "RenamePath",
        ),
        "edited.edit": ("DeleteResult", "delete_images", "set_properties"),
        "entries": ("Entry", "EntryDetails", "Stream", "StreamPlace"),
        "extracted.extract": ("ExtractResult",),
        "extracted.options": ("ExtractOptions",),
        "extracted.path_list": ("read_paths",),
        "extracted.recover": ("DamagedFile", "recovered"),
        "file": ("WimFile",),
        "files": ("ImageFiles",),
        "image": ("WimImage",),
        "piped.spool": ("spooled",),
        "piped.streams": ("InputStream", "OutputStream", "Passed"),
        "renamed.replacing": ("NamePart", "ReplacedName"),
        "select": ("ImageSelector",),
        "settings": ("Descriptors",),
        "write": ("WriteMode",),
    },
)
