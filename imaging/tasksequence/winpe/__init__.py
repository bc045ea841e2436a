"""Command lines of Windows PE that are recognized, and carried out on the disks by osdimage's own code."""
