"""What was signed of drivers: catalogs, programs with signatures in them, and whether files are as they were then.

``der.py`` takes ASN.1 apart, ``pkcs7.py`` reads who signed and when, ``catalog.py`` what a catalog vouches for, and
``hashes.py`` has the hashes of files that catalogs hold.  Nothing here says that a signature is trusted: that is for
the Windows that the driver gets into, and its certificates.
"""
