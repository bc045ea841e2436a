"""The files and directories of an image, as a walk visits them."""

from osdimage.native.entries import Entry, Stream

__all__ = ["Entry", "Stream"]
