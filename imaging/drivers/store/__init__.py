"""The driver catalog: drivers that were imported once, found again by the devices that they serve.

A catalog is a file of SQLite with a folder of contents beside it.  A *driver* is one INF with the files that it names;
two of the same files are one.  The file has what an INF says as far as a search asks for it, so that a match reads no
INF; the folder has each file once, named by its SHA-256.  Drivers have a name, can be disabled, belong to *categories*,
and are gathered in named *packages*.

``schema.py`` declares the tables, ``database.py`` opens the file, ``contents.py`` is the folder, ``catalog.py`` both.
"""
