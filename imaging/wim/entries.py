"""What an image holds, as the native layer tells it: for the rooms above, which know nothing of that layer."""

from osdimage.native.wim.entries import Entry, EntryDetails, Stream, StreamPlace
from osdimage.native.wim.tree import Audit

__all__ = ["Audit", "Entry", "EntryDetails", "Stream", "StreamPlace"]
