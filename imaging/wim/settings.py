"""How libwim scans and extracts, for the rooms that have no part in the native layer."""

from osdimage.native.wim.facts import Descriptors, ExtractSettings

__all__ = ["Descriptors", "ExtractSettings"]
