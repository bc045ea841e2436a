r"""What Windows PE carries out on a computer that a medium has started: scripts for its shell and for diskpart.

osdimage runs on Linux; in Windows PE there are ``cmd``, ``diskpart``, ``dism`` and ``bcdboot``.  A task sequence whose
steps these can do becomes scripts when the medium is made: everything that can be decided then is, and the scripts are
plain.  They are ASCII, with the line ends of Windows, and lie in ``X:\osdimage`` of the boot image:

* ``startnet.cmd``, which Windows PE runs, goes on in ``start.cmd``: that looks for the medium on all drives, asks which
  sequence is to run where there are several, and goes on by how the computer was started.
* ``N-uefi`` and ``N-bios`` are the sequence N under each: ``run.cmd``, one ``step-M.cmd`` a step, ``disk-M.txt`` for
  diskpart, and ``when-M.cmd`` for a condition that only the computer can answer.

Sources: "Winpeshl.ini", "Wpeutil command-line options", "Capture and apply Windows, system, and recovery partitions",
"WinPE: Identify drive letters with a script", "Boot to UEFI mode or legacy BIOS mode" and "UEFI/GPT-based hard drive
partitions" of learn.microsoft.com/windows-hardware/manufacture/desktop; "diskpart" and "bcdboot" there.

Of these programs of Windows none was run when this was written: the scripts were run by Wine's shell, with others in
their place.
"""
