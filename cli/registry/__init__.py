"""``osdimage registry``: the verbs for hives."""
