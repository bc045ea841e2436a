"""Judging a medium that was made: a disc, a stick or its image, a folder, or a folder for network boot.

``verify.py`` tells the order.  ``places.py`` opens a medium, whatever it is; ``discs.py`` and ``sticks.py`` look at
what is under the files, and at how firmware comes to them; ``chain.py`` follows the way from there: loaders, stores
(``stores.py``), boot image (``wims.py``) and the RAM disk; ``netboot.py`` follows the scripts of a server.  All that is
found is told; nothing is changed or started.
"""
