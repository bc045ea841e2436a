r"""The devices of a computer: their ids, and what tells them.

``device.py`` is a device by its ids, and ``pci.py``, ``usb.py`` and ``acpi.py`` make these of what Linux or a virtual
machine tells, as the bus drivers of Windows do.  ``sources.py`` recognises a source by its contents and has it read:
``sysfs.py`` and ``modalias.py`` for what Linux shows, ``lspci.py`` for its text, ``qemu.py`` and ``libvirt.py`` for
virtual machines.  What they find is collected in ``listing.py``; ``text.py`` decodes.
"""
