"""Media that computers start from: what is in their boot images, and what is added to these (``bootimage/``)."""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "bootimage.facts": ("Background", "BootDriver", "BootImage", "BootKind", "Component", "DriverWay"),
        "bootimage.reading": ("boot_image_of", "read_boot_image", "read_boot_images"),
        "bootimage.winpeshl": ("Launched",),
    },
)
