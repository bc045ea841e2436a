"""Words for who is new to the command, or has mistaken it: examples, what helps, and what was meant.

``examples.py`` and ``related.py`` are what the help of each command shows below its options (``epilog.py``).  What it
tells of all of them (``topics.py``) is in ``conventions.py``, ``outcomes.py``, ``surroundings.py`` and ``terms.py``.
Manual pages and the site are made of these tables, too.

``advice.py`` words what an error advises, ``hints.py`` says which command or option was meant, and ``habits.py`` does
so for arguments as wimlib-imagex takes them.
"""
