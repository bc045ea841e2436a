"""Disks of virtual machines: what their files say of themselves.

A module for each format has its ``facts``, which are pure: bytes in, one ``ContainerFacts`` out.  ``kinds`` tells which
format a file has, and ``locks`` whether QEMU has it open.
"""
