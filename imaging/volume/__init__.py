"""File systems inside a disk image or device: format, fill, read and wipe them where they lie."""
