"""Drivers: what an INF says, which devices it serves, and what brings it into a Windows.

``target_os.py`` is the Windows that drivers are for, ``devices/`` what a computer has, ``supplied/`` where driver files
come from, ``signed/`` what was signed of them, ``inf/`` what an INF says, ``packages.py`` INFs with their files,
``ranking/`` which driver is the best for a device, ``offline/`` a Windows that does not run,
``injection/`` bringing drivers into one.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "devices.device": ("Device",),
        "devices.listing": ("Devices", "DeviceSource"),
        "devices.sources": ("devices_of_listing", "read_devices"),
        "inf.closure": ("FileClosure", "PackageFile"),
        "inf.decorations": ("Decoration",),
        "inf.inf_file": ("InfFile", "read_inf"),
        "inf.inf_text": ("InfWarning",),
        "inf.install": ("Component", "CopyFile", "Install"),
        "inf.models": ("Model",),
        "inf.places": ("Folders", "InfPath"),
        "inf.services": ("EventLog", "Service", "ServiceStart"),
        "inf.settings": ("RegAction", "RegRoot", "RegSetting"),
        "inf.version": ("DriverVersion", "InfVersion"),
        "injection.into_folder": ("FolderTarget",),
        "injection.into_image": ("ImageTarget",),
        "injection.into_volume": ("VolumeTarget",),
        "injection.plan": ("InjectionOptions", "InjectionPlan", "Method", "WantedDriver"),
        "injection.planning": ("plan_driver_injection",),
        "injection.target": ("InjectionTarget",),
        "offline.boot_driver": ("BootDriver", "boot_models", "oem_boot_driver", "why_not_boot"),
        "offline.boot_enable": ("BootEnabling", "BootFile", "plan_boot_enabling", "plan_driver"),
        "offline.export": ("DriverExport", "ExportedDriver", "export_installed"),
        "offline.installed": ("InstalledDriver", "InstalledDrivers", "Presence", "chosen_drivers", "installed_drivers"),
        "offline.places": ("open_windows_files",),
        "offline.txtsetup": ("TxtSetup", "read_txtsetup"),
        "offline.windows": ("OfflineWindows", "offline_windows"),
        "packages": ("DriverPackage", "packages_in"),
        "ranking.index": ("Candidate", "DriverFacts", "DriverIndex", "MemoryIndex", "fold_id"),
        "ranking.match": ("DeviceMatch", "Matching", "Ranked", "Unused", "Why", "match_drivers"),
        "ranking.packages": ("candidates_of", "index_packages"),
        "ranking.rank": ("MatchKind", "Rank", "Signature"),
        "ranking.wording": ("why_behind", "why_ranked"),
        "signed.catalog": ("Catalog", "CatalogMember", "read_catalog"),
        "signed.pkcs7": ("FileSignature", "Verdict"),
        "shown": ("DriverKind", "ShownDriver", "ShownFile", "ShownModel", "ShownService", "show_driver"),
        "supplied.folder": ("FolderFiles",),
        "supplied.members": ("SupplyLimits",),
        "supplied.opened": ("Supply", "open_supply"),
        "supplied.variants": ("Choice", "LeftOut", "choose_folders", "choose_packages"),
        "target_os": ("Architecture", "ProductType", "TargetOs"),
    },
)
