"""Disks in the files of virtual machines: qcow2, VHDX, VHD, VMDK, VDI.

A module for each format has its ``facts``, which are pure: bytes in, one ``ContainerFacts`` out.  ``kinds`` tells which
format a file has.  ``graph`` opens the files that a header names, as far as they may be; ``rules`` has what is refused
and what is told of each; ``options`` gives them to QEMU, node by node, so that it looks for nothing itself.

QEMU reads and writes them.  ``server`` starts its ``qemu-nbd`` for one disk, and ``served`` gives the disk that it
serves, which is as any other to everybody above it.  ``opened`` has the way through all of that.  ``qemu`` finds its
programs, and makes files.
"""
