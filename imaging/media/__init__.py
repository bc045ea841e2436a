"""Media that computers start from: what is in their boot images, and what is added to these (``bootimage/``).

``parts/`` has what media are made of, whatever they are written to; ``discs/`` writes them as ISO files and ``usb/`` as
sticks.  ``sequence/`` tells of media that carry task sequences: their manifests, secrets, signatures and sets.
``winpe/`` has the scripts that Windows PE runs from one.  ``checked/`` judges media that were made.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "bootimage.change": ("BootChange", "change_boot_image"),
        "bootimage.choosing": ("DriverWish",),
        "bootimage.export": ("export_boot_image",),
        "bootimage.facts": ("Background", "BootDriver", "BootImage", "BootKind", "Component", "DriverWay"),
        "bootimage.netboot": ("NetFile", "NetPlan", "NetWish", "plan_net_files", "write_net_files"),
        "bootimage.plan": ("BootPlan", "LeftOut", "Payload", "PlacedFile", "PlacedValue", "PlannedDriver"),
        "bootimage.reading": ("boot_image_of", "read_boot_image", "read_boot_images"),
        "bootimage.settings": ("AddedFile", "BootSettings"),
        "bootimage.winpeshl": ("Launched",),
        "bootimage.wishes": ("plan_boot_image",),
        "checked.report": ("MediumKind", "MediumReport"),
        "checked.verify": ("verify_medium",),
        "discs.plan": ("IsoOptions", "new_set_id", "plan_iso"),
        "discs.remaster": ("OldDisc", "read_old_disc"),
        "discs.sizes": ("DISC_SIZES", "parse_disc_size"),
        "discs.write": ("refuse_iso_target", "write_iso"),
        "parts.changes": ("MediumChanges", "PlacedSource", "changed_files"),
        "parts.find": ("PartsWish", "find_parts"),
        "parts.medium": ("BootParts", "Medium", "MediumFile", "PreparedImage", "SignedBy"),
        "parts.prepared": ("prepared_boot_image",),
        "parts.sdi": ("SdiFacts", "SdiPart", "create_sdi", "read_sdi", "write_sdi"),
        "parts.source": ("MediumSource", "open_source"),
        "sequence.given": ("StandaloneGiven",),
        "sequence.manifest": (
            "DiscOfSet",
            "ManifestFile",
            "ManifestImage",
            "ManifestPackage",
            "ManifestSequence",
            "ManifestVariables",
            "MediaKind",
            "MediaManifest",
            "Runner",
            "manifest_from_json",
            "manifest_to_json",
        ),
        "sequence.sealed": ("Stretching", "checked_password", "seal", "unseal"),
        "sequence.signature": ("SignatureReport", "SignatureState", "Trusted", "check_signature", "sign"),
        "sequence.sets.described": ("PackageContent", "PlannedDisc", "SetOptions", "SetPlan", "SplitWim", "disc_path"),
        "sequence.sets.plan": ("pack", "plan_set"),
        "sequence.sums": ("hashes_of", "sums_from_text", "sums_to_text"),
        "usb.layout": ("StickLayout",),
        "usb.plan": ("StickOptions", "StickPlan", "StickVolume", "plan_stick"),
        "usb.splitting": ("Fitted", "fitted"),
        "usb.target": ("planned_stick",),
        "usb.update": ("StickUpdate", "VolumeUpdate", "layout_of", "plan_update", "update_stick"),
        "usb.write": ("StickReport", "write_stick"),
        "sequence.validation": ("Validation", "validate_standalone"),
        "winpe.capturing": ("CaptureWish", "capture_files"),
        "winpe.model": ("PeFate", "PeFile", "PeRun", "PeScript", "PeStep", "PeWish"),
        "winpe.placed": ("scripts_on_medium", "settings_with"),
        "winpe.run": ("plan_pe_run",),
        "winpe.served": ("served_files",),
        "winpe.shares": ("SharePath", "share_path"),
    },
)
