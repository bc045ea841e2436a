"""File systems inside a window of a disk: format, fill, read and wipe."""
