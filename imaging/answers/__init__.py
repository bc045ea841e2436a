"""Answer files: settings in, the text of unattend.xml or sysprep.inf out.

``settings.py`` is what Windows Setup is told, in no file's format.  ``unattend.py`` reads, changes and writes the
answer file of Windows Vista and later, by ``document.py`` that keeps what nobody changes, and ``unattend_checks.py``
tells what Windows would refuse or ignore of it; ``commands.py`` is about the commands in it, ``setup_pass.py`` about
what only a Windows Setup would read.
``sysprep_inf.py`` is that of the Windows before.  ``time_zones.py`` has the names and numbers of time zones.

Pure: nothing here opens a file or knows a volume.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "document": ("Document", "Name", "Node", "Verbatim"),
        "settings": ("Adapter", "LicenseMode", "Locales", "Membership", "NetworkSettings", "WindowsSettings"),
        "setup_pass": ("WantedImage", "take_setup_pass", "wanted_image"),
        "sysprep_inf": ("SysprepInf",),
        "unattend": ("Unattend", "check_answer_file", "check_boot_answer_file"),
    },
)
