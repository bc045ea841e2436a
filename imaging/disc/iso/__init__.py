"""ISO 9660, alone, with Joliet and with Rock Ridge.

Sources: ECMA-119, fourth edition; the Joliet Specification of Microsoft (1995); IEEE P1281 (SUSP 1.12) and P1282 (RRIP
1.12).
"""
