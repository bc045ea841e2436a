"""Copying contents from WIM to WIM as they are stored: nothing is expanded, and nothing is compressed again.

``source.py`` is a WIM that is copied from, in one file or all parts of a split one, and which of its contents are
wanted; ``parts.py`` writes them into a new file.  ``export.py`` copies images to one file, ``split.py`` to several.
What they cannot do they say before anything is written (``NotRaw``), for whoever knows another way.
"""
