"""NTFS volumes: guarded (``state.py``), made (``format.py``), read by code of our own, and their files changed."""
