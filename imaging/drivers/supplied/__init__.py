"""Where driver files come from, each as files that can be read: a folder, an INF, a disc.

``folder.py`` and ``disc.py`` read one kind each, and ``opened.py`` opens the right one.
"""
