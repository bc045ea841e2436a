"""Sticks: what a medium is to hold, put on a disk that firmware starts, in an image or on a device.

``layout.py`` says which partitions and which of them a file goes to, ``plan.py`` where everything will be before
anything is written, and ``write.py`` writes it.  What FAT32 cannot hold is refused by the plan, or cut into parts
before it (``splitting.py``).
"""
