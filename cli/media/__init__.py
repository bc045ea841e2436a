"""``osdimage media``: the verbs for discs."""
