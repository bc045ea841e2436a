"""UDF, from revision 1.02 to 2.60, with one partition of one disc.

Sources: ECMA-167, third edition (parts 3 and 4); OSTA Universal Disk Format 1.02 to 2.60.
"""
