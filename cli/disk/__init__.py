"""``osdimage disk``: the verbs for whole disks."""
