"""The container: WIM files and what is in them.

Begin with the nouns: ``file.py`` is an open WIM, ``image.py`` one image of it, ``select.py`` how one is chosen, and
``described/`` what both say of themselves.

The verbs: ``edit.py`` changes a WIM where it stands, ``tree_changes.py`` the files of an image in memory, by the
commands of ``commands.py``, ``write.py`` makes a new one, ``export.py`` copies images, ``split.py`` cuts a WIM into
parts and ``join.py`` joins them, ``optimize.py`` makes one that has no holes, ``extract.py`` and ``files.py`` take
files out (under other names: ``replacing.py`` says which, ``renamed_image.py`` has the image with them), ``recover.py``
gives of what is damaged what can be read, and those in ``checks/`` find what is wrong.  ``delta/`` is about WIMs that
leave contents to others, ``piped/`` about those that come and go through pipes, ``raw/`` copies and cuts without
compressing anything again, and ``stored/`` is all of it as bytes.

``entries.py`` and ``failures.py`` are the border of the native layer: what an image holds, and what went wrong, in the
words of the rooms above.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "checks.names": ("Names",),
        "checks.verify": ("Problem", "ProblemKind", "VerifyReport"),
        "commands": ("AddTree", "Change", "ChangeKind", "Command", "DeletePath", "EditFile", "RenamePath"),
        "compression": ("Compression", "CompressionSpec"),
        "delta.export": ("export_delta",),
        "delta.needs": ("Needs", "Share", "needs_of"),
        "described.base": ("NotedBase",),
        "described.captured": ("CapturedDisk", "CapturedPartition"),
        "described.info": ("ImageInfo", "WimHeader", "WindowsInfo"),
        "described.properties": ("ImageProperties",),
        "edit": ("DeleteResult", "delete_images", "set_properties"),
        "entries": ("Entry", "Stream"),
        "export": ("ExportOptions", "ExportResult", "export_images"),
        "extract": ("ExtractResult",),
        "file": ("WimFile",),
        "files": ("ImageFiles",),
        "image": ("WimImage",),
        "join": ("JoinResult", "join_wim"),
        "optimize": ("OptimizeOptions", "OptimizeResult", "optimize_wim"),
        "path_list": ("read_paths",),
        "piped.spool": ("spooled",),
        "piped.streams": ("InputStream", "OutputStream", "Passed"),
        "recover": ("DamagedFile", "recovered"),
        "replacing": ("NamePart", "ReplacedName"),
        "select": ("ImageSelector",),
        "settings": ("Descriptors",),
        "split": ("SplitResult", "split_images", "split_wim"),
        "write": ("WriteMode",),
    },
)
