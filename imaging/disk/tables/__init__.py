"""Partition tables: their bytes, and reading, checking, writing, saving one.

``table`` has the facts, ``mbr`` and ``gpt`` know the bytes; the verbs work on a target.
"""
