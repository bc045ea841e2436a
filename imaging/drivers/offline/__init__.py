"""A Windows that does not run: what it is, which drivers it has, and what lets it start from another disk."""
