"""The version of osdimage, for whoever must not import the package by its name."""

from osdimage import __version__ as VERSION  # noqa: N812 - a constant, whatever the convention calls it there

__all__ = ["VERSION"]
