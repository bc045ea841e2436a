"""Other names for those that a target refuses.

``replacing.py`` says which, ``renamed_tree.py`` gives them to a tree as it is stored, and ``renamed_image.py`` is an
image that has them.
"""
