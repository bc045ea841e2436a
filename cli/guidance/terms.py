"""What the words in capitals stand for that the usage of many commands has."""

from __future__ import annotations

TERMS: dict[str, str] = {
    "WIM": "A file with images of Windows: a WIM, an ESD, or the first part of a split WIM (.swm). One that is only "
    "read may be on a disc: DISC.iso!PATH, as 'Windows.iso!sources/install.wim'.",
    "DISK": "A disk image, or a device such as /dev/sdb. An image is raw, or the file of a virtual machine: qcow2, "
    "VHDX, VHD, VMDK or VDI.",
    "DISC": "An ISO file, or a drive with a disc.",
    "N": "A number that counts from 1: partitions as osdimage disk show lists them, images as osdimage info does. In "
    "N=DISK it is that of a disk, and counts from 0.",
    "SIZE": "A number and a unit, as 512MB, 64GB or 1.5GiB; without a unit, bytes. Units are binary: 1 GB is 1024 MB, "
    "and so is 1 GiB.",
    "GLOB": "A path; *, ? and [...] stand for characters of file names. In quotes the shell leaves it to osdimage.",
    "PATTERN": "What is left out: \\path is at one place, *.name is in every folder.",
    "FILE|-": "A file; - is standard input or standard output, and ./- a file of this name.",
    "NAME=VALUE": "A variable. What is behind the first = is its value, which may be empty.",
}
