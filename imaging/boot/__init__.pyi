# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.boot.bcd.create import (
    BcdSettings as BcdSettings,
    OsEntry as OsEntry,
    RecoveryEntry as RecoveryEntry,
    create_store as create_store,
)
from osdimage.imaging.boot.bcd.elements import Element as Element
from osdimage.imaging.boot.bcd.media import (
    MediaEntry as MediaEntry,
    MediaStoreSettings as MediaStoreSettings,
    TftpOptions as TftpOptions,
    create_media_store as create_media_store,
)
from osdimage.imaging.boot.bcd.partition import PartitionRef as PartitionRef
from osdimage.imaging.boot.bcd.store import (
    BcdObject as BcdObject,
    BcdReport as BcdReport,
    BcdStore as BcdStore,
    ElementReport as ElementReport,
    ObjectReport as ObjectReport,
    read_store as read_store,
)
from osdimage.imaging.boot.check import check_boot as check_boot
from osdimage.imaging.boot.code.bios import BiosLoader as BiosLoader, BootCodeReport as BootCodeReport
from osdimage.imaging.boot.firmware import Firmware as Firmware, Generation as Generation
from osdimage.imaging.boot.fix import FixResult as FixResult, FixWish as FixWish, fix_boot as fix_boot
from osdimage.imaging.boot.install import (
    BootOptions as BootOptions,
    BootResult as BootResult,
    install_boot as install_boot,
)
from osdimage.imaging.boot.language import LocaleSource as LocaleSource
from osdimage.imaging.boot.show import (
    BootView as BootView,
    MenuLine as MenuLine,
    NamedPartition as NamedPartition,
    view_boot as view_boot,
)
from osdimage.imaging.boot.verdict import BootReport as BootReport, Verdict as Verdict
