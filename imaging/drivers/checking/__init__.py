"""What is wrong with driver packages before any Windows sees them.

``kinds.py`` has the words and remedies of what is found, and ``package.py`` finds it.
"""
