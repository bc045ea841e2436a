"""What the library advises, in terms of the command: its verbs and options."""

from __future__ import annotations

import shlex
from dataclasses import replace

from osdimage.imaging.errors import Means, Remedy

NAMES = {
    Means.ADD_DRIVERS: "osdimage driver add WIM --index N --driver PATH",
    Means.ADD_TO_BOOT_IMAGE: "osdimage bootimage add-driver WIM --driver PATH",
    Means.ALLOW_LARGER: "--allow-larger",
    Means.ALLOW_LINKED: "--allow-linked",
    Means.ALLOW_MODIFIED: "--allow-modified",
    Means.ALL_IMAGES: "--all",
    Means.ALL_VOLUMES: "--all-volumes",
    Means.APPEND: "--append",
    Means.APPLICATION: "--application {}=COMMAND",
    Means.BACKUP_FILE: "--backup",
    Means.BIND_WINDOWS: "osdimage boot fix DISK --partition N",
    Means.BOOT_FILES_FROM: "--boot-files-from WIM",
    Means.BOOT_IMAGE: "--boot-image WIM",
    Means.BIOS_LOADER: "osdimage boot install DISK --partition N --bios-loader {}",
    Means.CAPTURE_VOLUMES: "osdimage capture DISK WIM --all-volumes",
    Means.CHILD_SEQUENCE: "--sequence {}=FILE",
    Means.COLLECTED: "--collected",
    Means.DEPLOY: "osdimage deploy WIM DISK",
    Means.DEPLOYMENT_SHARE: "--deployment-share DIR",
    Means.DEVICES: "--drivers-for SOURCE",
    Means.DISCARD_JOURNAL: "--discard-journal",
    Means.DISC_TREE: "--tree {}",
    Means.DRIVER_CATALOG: "--catalog FILE",
    Means.ENABLE_DRIVER: "osdimage driver set {} --enable",
    Means.ENCRYPT_MEDIA: "--password-file FILE",
    Means.ENGINE: "--engine auto",
    Means.EVERY_DRIVER: "--all",
    Means.EXAMINE: "osdimage doctor",
    Means.EXPORT: "osdimage export {} NEW.wim --all",
    Means.EXTRACT_FROM_DISC: "osdimage media extract {} {} --to DIR",
    Means.FACTS: "--facts FILE",
    Means.FIRST_BOOT: "--first-boot {}",
    Means.FIXED_DISK: "--fixed-disk",
    Means.FIX_BOOT: "osdimage boot fix DISK",
    Means.FORCE: "--force",
    Means.FORMAT_FAT32: "osdimage disk format DISK --partition {} --fs fat32",
    Means.FROM_WINDOWS: "--from-windows",
    Means.HIVE: "--hive",
    Means.HIVE_FILE: "--hive",
    Means.IGNORE_DATES: "--ignore-dates",
    Means.IMPORT_DRIVERS: "osdimage driver import PATH",
    Means.INITIALIZE: "osdimage disk init DISK",
    Means.INSTALL_BOOT: "osdimage boot install DISK --partition N",
    Means.IPXE: "--ipxe DIR",
    Means.JOIN: "osdimage join NEW.wim {}",
    Means.KEEP_DIRECTORIES: "--keep-directories",
    Means.KEEP_NAMES: "--names keep",
    Means.KEY: "--bitlocker-key FILE",
    Means.LABEL: "--label TEXT",
    Means.LEAVE_OUT: "--leave-out {}",
    Means.LIST_DISC: "osdimage media list DISC",
    Means.LIST_DRIVERS: "osdimage driver list",
    Means.LIST_DRIVER_PACKAGES: "osdimage driver package list",
    Means.NEW_STORE: "osdimage boot install DISK --partition N --new-store",
    Means.NUMBERED_DISKS: "--disk N=DISK",
    Means.OS_PARTITION: "--partition N",
    Means.OVERWRITE: "--overwrite",
    Means.PACKAGES: "--package {}=PATH",
    Means.PARTITION: "--partition (osdimage disk show lists them)",
    Means.PARTITION_NUMBER: "--partition",
    Means.PLAINTEXT_SECRETS: "--plaintext-secrets",
    Means.PROGRAM: "--program {}=COMMAND",
    Means.PRUNE_BOOT: "osdimage boot fix DISK --prune",
    Means.RECOVER: "osdimage extract WIM PATH --recover-data --to DIR",
    Means.RECURSIVE: "--recursive",
    Means.REFERENCES: "--ref",
    Means.REPLACE: "--yes",
    Means.REPLACE_NAMES: "--names replace",
    Means.REPLACE_STEP: "--replace {}=COMMAND",
    Means.REPLAY_LOG: "--replay-log",
    Means.RESTORE: "osdimage disk restore DISK FILE",
    Means.RESTORE_SAVED: "osdimage disk restore {} {}",
    Means.REWRITE: "osdimage disk check DISK --repair",
    Means.RULES: "--rules FILE",
    Means.SAVE_PLAN: "osdimage disk plan DISK --json",
    Means.SECRETS_ON_DISK: "--secrets-on-disk",
    Means.SHARE: "--share {}=DIR",
    Means.SHOW_DISK: "osdimage disk show DISK",
    Means.STICK_LAYOUT: "--layout fat32+ntfs",
    Means.SYSTEM_DISK: "--system DISK",
    Means.SYSTEM_PARTITION: "--system-partition",
    Means.UNMOUNT: "osdimage unmount {}",
    Means.UPDATE: "osdimage update WIM --index N",
    Means.UPDATES: "--updates DIR",
    Means.VARIABLE: "--var {}=VALUE",
    Means.VERIFY: "osdimage verify {}",
    Means.WIMBOOT: "--wimboot FILE",
    Means.WIPE: "--wipe",
    Means.WITHOUT_CLIENT: "--without-client",
    Means.WRITE_STICK: "osdimage media usb DISK --source DISC",
}


def worded(remedy: Remedy) -> str:
    """Return a remedy as a user of the command carries it out: what it names stands as a shell takes it."""
    return replace(remedy, values=tuple(shlex.quote(str(each)) for each in remedy.values)).worded(NAMES)


def remedy_of(error: BaseException) -> str | None:
    """Return what would help against an exception, or None."""
    remedy = getattr(error, "remedy", None)
    return worded(remedy) if isinstance(remedy, Remedy) else None
