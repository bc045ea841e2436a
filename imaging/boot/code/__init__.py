"""Boot code for BIOS machines: what the MBR and the boot sectors of volumes execute.

The code is assembled from the ``.asm`` sources here, which state what each part expects and leaves; the results are
kept beside them, so that installing osdimage needs no assembler.  ``kinds.py`` tells whose code a sector holds,
``bios.py`` chooses and writes it.
"""
