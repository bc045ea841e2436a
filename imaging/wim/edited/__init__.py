"""Changing a WIM where it stands.

``edit.py`` deletes images and changes what a WIM says of them; ``tree_changes.py`` carries out the commands of
``commands.py`` on the files of an image, in memory.
"""
