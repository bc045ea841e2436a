"""``osdimage driver``: its verbs, one file each."""
