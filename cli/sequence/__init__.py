"""``osdimage run``: task sequences."""
