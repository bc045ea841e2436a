"""Which driver serves which device, and how well.

``rank.py`` is the number by which Windows compares; ``index.py`` what is asked of drivers, wherever they are kept, and
``packages.py`` makes an index of packages; ``match.py`` chooses, and ``wording.py`` says why.
"""
