"""WIMs that come and go through pipes.

A WIM is read in any order, so that a pipe cannot hold one: libwim has a form of its own for that, which has the trees
first, each resource with a head of its own, and the tables behind (its ``write_pipable_wim()``).  ``streams.py`` is
the two ends of a command that it goes through, ``relaid.py`` makes a plain WIM of one as it comes, and ``spool.py``
keeps one that is needed whole.
"""
