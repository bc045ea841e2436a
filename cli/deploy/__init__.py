"""``osdimage deploy``: what it is asked for, and what it says."""
