"""Other names for those that a target refuses.

``replacing.py`` says which, ``renamed_image.py`` is an image that has them.
"""
