"""Disks of virtual machines: what their files say of themselves, and QEMU, which reads and writes them.

A module for each format has its ``facts``, which are pure: bytes in, one ``ContainerFacts`` out.  ``kinds`` tells which
format a file has, and ``locks`` whether QEMU has it open.  ``server`` starts QEMU's ``qemu-nbd`` for one disk, and
``served`` gives the disk that it serves, which is as any other to everybody above it.
"""
