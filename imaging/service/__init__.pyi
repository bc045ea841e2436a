# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.service.replace import replace_file as replace_file
