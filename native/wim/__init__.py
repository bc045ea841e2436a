"""libwim: one owner for each WIM that is open, its tree, its resources, and what it says."""
