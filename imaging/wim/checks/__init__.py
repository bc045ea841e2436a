"""Checking WIMs: each tree that is used, by ``audit.py``; whole files, and sets of them, by ``verify_file.py``."""
