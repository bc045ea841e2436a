"""Comparing an image with what it was applied to, by code that wrote none of it."""
