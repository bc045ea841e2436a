"""The container: WIM files and what is in them.

Begin with the nouns: ``file.py`` is an open WIM, ``image.py`` one image of it, ``select.py`` how one is chosen,
``info.py`` what both say of themselves.

The verbs: ``edit.py`` and ``in_place.py`` change a WIM where it stands, ``write.py`` makes a new one, ``export.py``
copies images, ``extract.py`` and ``files.py`` take files out, ``verify.py`` checks everything.

``entries.py`` and ``failures.py`` are the border of the native layer: what an image holds, and what went wrong, in the
words of the rooms above.  ``audit.py`` is what must be known of an image before any of it is written.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "captured": ("CapturedDisk", "CapturedPartition"),
        "compression": ("Compression", "CompressionSpec"),
        "edit": ("DeleteResult", "delete_images", "set_properties"),
        "entries": ("Entry", "Stream"),
        "export": ("ExportOptions", "ExportResult", "export_images"),
        "extract": ("ExtractResult",),
        "file": ("WimFile",),
        "files": ("ImageFiles",),
        "image": ("WimImage",),
        "info": ("ImageInfo", "WimHeader", "WindowsInfo"),
        "properties": ("ImageProperties",),
        "select": ("ImageSelector",),
        "verify": ("Problem", "ProblemKind", "VerifyReport"),
        "write": ("WriteMode",),
    },
)
