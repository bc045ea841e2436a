"""Fuzzers: every parser of bytes that others made, given bytes that nobody meant.

``targets/`` has a function for each parser and ``registry.py`` lists them.  ``python -m fuzz`` (``make fuzz``) runs
them with Atheris (``one.py``), ``python -m fuzz.repeat`` runs a single input without it, and ``test_replay.py`` does
that for every input of ``inputs/``: what was found once, and is read or refused now.
"""
