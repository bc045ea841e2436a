"""libntfs-3g: volumes, and single files of them."""
