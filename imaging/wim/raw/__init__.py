"""Copying contents from WIM to WIM as they are stored: nothing is expanded, and nothing is compressed again.

``source.py`` is a WIM that is copied from, and which of its contents are wanted; ``parts.py`` writes them into a new
file.  The verbs: ``export.py`` copies images, ``split.py`` cuts a WIM into parts, ``optimize.py`` makes one that has no
holes.  What they cannot do they say before anything is written (``NotRaw``), for whoever knows another way.
"""
