r"""What makes Windows 2000, XP and Server 2003 start: NTLDR, NTDETECT.COM and ``boot.ini`` in place of a BCD store.

``windows.py`` knows such a Windows, ``files.py`` which of its files go where; ``boot_ini.py`` is the menu as text and
``menu.py`` what its lines mean on a disk.  ``install.py``, ``check.py``, ``fix.py`` and ``show.py`` do for it what the
modules of these names above do for later ones, which call them.
"""
