"""A WIM as bytes: the format, declared once in ``format.py``, and what libwim does not tell or does not write.

``dentries.py`` walks the entries of a tree, for what their streams, reparse points and extended attributes are;
``newer_form.py`` puts the trees that libwim has written into the form that DISM takes, and ``renamed.py`` gives names
in them that cannot be others.
"""
