"""INF files: their text, what they say of models, files, services and the registry.

``decoding.py`` makes characters of bytes and ``lines.py`` sections, lines and fields of them; ``inf_text.py`` is the
result, with the tokens replaced.  ``version.py``, ``decorations.py`` and ``models.py`` say what a driver is and whom it
is for, ``install.py`` what an install section does, by ``services.py``, ``settings.py`` and ``places.py``, and
``closure.py`` which files belong to it.  ``inf_file.py`` is the whole.
"""
