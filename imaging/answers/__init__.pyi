# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.answers.document import Document as Document, Name as Name, Node as Node, Verbatim as Verbatim
from osdimage.imaging.answers.settings import (
    Adapter as Adapter,
    LicenseMode as LicenseMode,
    Locales as Locales,
    Membership as Membership,
    NetworkSettings as NetworkSettings,
    WindowsSettings as WindowsSettings,
)
from osdimage.imaging.answers.setup_pass import (
    WantedImage as WantedImage,
    take_setup_pass as take_setup_pass,
    wanted_image as wanted_image,
)
from osdimage.imaging.answers.sysprep_inf import SysprepInf as SysprepInf
from osdimage.imaging.answers.unattend import (
    Unattend as Unattend,
    check_answer_file as check_answer_file,
    check_boot_answer_file as check_boot_answer_file,
)
