"""Which driver serves which device, and how well.

``rank.py`` is the number by which Windows compares; ``index.py`` what is asked of drivers, wherever they are kept;
``packages.py`` makes an index of packages, and ``joined.py`` one of several; ``match.py`` chooses, and ``wording.py``
says why.
"""
