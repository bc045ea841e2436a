r"""The devices of a computer: their ids, and what tells them.

``device.py`` is a device by its ids, and ``pci.py``, ``usb.py`` and ``acpi.py`` make these of what Linux or a virtual
machine tells, as the bus drivers of Windows do.  ``sources.py`` recognises a source by its contents and has it read:
``sysfs.py`` and ``modalias.py`` for what Linux shows, ``lspci.py`` for its text, ``qemu.py`` and ``libvirt.py`` for
virtual machines; of what Windows tells ``blocks.py`` for pnputil and devcon, ``tables.py`` for CSV and JSON,
``msinfo.py`` for MSInfo32 (by ``instances.py``, where no ids are told), and ``enumerated.py`` for its registry, which
``stored.py`` finds.  What they find is collected in ``listing.py``; ``text.py`` decodes.
"""
