"""All that can be wished for of a boot image, planned as one change."""

from __future__ import annotations

from osdimage.imaging.media.bootimage.choosing import DriverWish
from osdimage.imaging.media.bootimage.drivers import plan_drivers
from osdimage.imaging.media.bootimage.plan import BootPlan
from osdimage.imaging.media.bootimage.settings import BootSettings, plan_settings
from osdimage.imaging.media.bootimage.work import BootWork
from osdimage.imaging.wim.image import WimImage

_NOTHING = BootSettings()


def plan_boot_image(image: WimImage, settings: BootSettings = _NOTHING, drivers: DriverWish | None = None) -> BootPlan:
    """Return what is changed in an image so that it is as it is wished for; nothing is written.

    Args:
        image: of a WIM that stays open.
        settings: what is set in it, and added.
        drivers: which drivers it is to have.

    Raises:
        InvalidRequest: when a wish cannot be.
        InvalidInput: when what is given is not what it is to be, or not for the image.
        TargetRefused: when the image is no Windows PE.
        UnsafeName, CorruptWim, MissingParts, StorageError: when something cannot be read.
    """
    work = BootWork(image)
    plan_settings(work, settings)
    if drivers is not None:
        plan_drivers(work, drivers)
    return work.plan()
