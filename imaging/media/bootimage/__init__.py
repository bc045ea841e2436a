"""Boot images: what a Windows PE in a WIM starts, what is set in it, and what is added to it.

``reading.py`` tells what is in one (``facts.py``).  ``startnet.py``, ``winpeshl.py`` and ``ini.py`` know the files that
Windows PE starts by.
"""
