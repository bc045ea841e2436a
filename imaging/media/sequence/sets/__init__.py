r"""Which disc of a set has which files, to the byte, before any disc is written.

The first disc has what starts the computer, the sequences and the variables; packages lie where there is room: the
largest first, each on the first disc that it fits on, so that the same packages lie in the same way.  A package is on
one disc, unless it is a single WIM that is larger than a disc: that one is split into parts (``name.swm``,
``name2.swm``), each of which lies like a package of its own.

Each disc has its manifest and list of hashes, and each but the first a ``readme.txt`` that says which disc it is.  How
large these are is known before the hashes are.  So the sizes of a plan are those of the discs; in sets with a WIM in
parts, or of ten discs and more, they may be a block above, as a number of a disc has one digit or two.

``described.py`` has what a set is, ``splitting.py`` the parts of WIMs, ``packing.py`` what lies where, with the room of
``room.py``, and ``plan.py`` does it all.
"""
