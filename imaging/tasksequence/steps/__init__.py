"""The imaging actions of a task sequence, one file each.

Begin with ``set_variable.py``, a short one that has all parts: its variables, its function, its forecast, and ``INFO``,
which brings them together.  ``actions.py`` is the tuple of them all.
"""
