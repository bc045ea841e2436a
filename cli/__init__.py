"""The ``osdimage`` command: typed parameters in, one call of the library, one rendering out."""
