"""Taking files out of an image.

``extract.py`` takes them to a directory, by way of ``placing.py``, which looks first that nothing gives way that may
not, and ``path_list.py`` reads lists of them.  ``extract_renamed.py`` gives names that a directory cannot hold others;
``recover.py`` takes of damaged contents what can be read.
"""
