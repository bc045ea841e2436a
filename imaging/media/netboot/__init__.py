"""Network boot: one folder that servers of TFTP and HTTP hand out as it is, and what tells them to.

``plan.py`` decides what is in the folder, ``folder.py`` writes it.  ``scripts.py`` is what iPXE does, ``dnsmasq.py``
and ``nginx.py`` what servers do; all three are pure.  ``clients.py`` has what a computer loads first, ``wimboot.py``
what starts a WIM, ``native.py`` the way without both.
"""
