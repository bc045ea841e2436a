"""Bringing drivers into a Windows that does not run: the whole plan, and what carries it out.

Nothing is published in its driver database: the files of each driver are put where Windows looks for them
(``staging.py``), its own setup is told to install them when it starts first (``first_start.py``, ``script.py``), and
drivers without which it finds no disk are enabled.  ``planning.py`` decides all of that and writes nothing; the result
is ``plan.py``, as JSON ``document.py``.  ``target.py`` is where a Windows is, ``into_volume.py``, ``into_image.py`` and
``into_folder.py`` carry ``changes.py`` out there.  ``choose.py`` is which drivers, and ``places.py``
opens all that is needed.
"""
