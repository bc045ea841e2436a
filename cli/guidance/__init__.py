"""Words for who is new to the command, or has mistaken it: examples, what helps, and what was meant.

``examples.py`` is what the help of each command shows.  ``advice.py`` words what an error advises, ``hints.py`` says
which command or option was meant, and ``habits.py`` does so for arguments as wimlib-imagex takes them.
"""
