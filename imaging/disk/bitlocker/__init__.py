"""BitLocker volumes, read and never written.

``metadata.py`` reads what BitLocker keeps beside the encrypted sectors, ``protectors.py`` what of it a user knows: the
protectors, each of which holds the key of the volume, sealed with another key.  ``secrets.py`` is what users give,
``unlock.py`` opens the one with the other, and ``target.py`` gives the disk whose volume reads as if it were not
encrypted.  ``opened.py`` does all of that to a volume that is opened; nobody above it knows that there was encryption,
unless he asks.

All keys are wiped when they are needed no longer, and no object that has one shows it.

Sources: libyal, "BitLocker Drive Encryption (BDE) format"; Aorimn/dislocker, ``include/dislocker/metadata``; Jesse
Kornblum, "Implementing BitLocker Drive Encryption for forensic analysis" (Digital Investigation, 2009).
"""
