"""``osdimage boot``: the verbs for disks that start."""
