"""Changing what is inside an image."""
