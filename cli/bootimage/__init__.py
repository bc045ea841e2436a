"""``osdimage bootimage``: the verbs for boot images."""
