"""A medium as an optical disc, in an ISO file.

``plan.py`` says what of a medium lies where on a disc, ``sizes.py`` how much the discs hold that are sold, and
``write.py`` writes one, after it has refused places where none belongs.  The format is that of ``disc/written/``.
"""
