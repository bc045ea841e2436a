"""Words for who is new to the command, or has mistaken it: examples, what helps, and what was meant.

``examples.py`` and ``related.py`` are what the help of each command shows below its options (``epilog.py``), and
``outcomes.py``, ``surroundings.py`` and ``terms.py`` what it tells of all of them (``topics.py``); manual pages and the
site are made of these tables, too.

``advice.py`` words what an error advises, ``hints.py`` says which command or option was meant, and ``habits.py`` does
so for arguments as wimlib-imagex takes them.
"""
