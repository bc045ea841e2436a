"""FAT32 volumes: made in one pass (``make.py``), read, checked, and edited in place."""
