"""Elements that osdimage adds to the XML of an image; other programs keep them and pass them on."""

CREATOR_PROPERTY = "OSDIMAGE/CREATOR"
VERSION_PROPERTY = "OSDIMAGE/VERSION"
DISK_ELEMENT = "OSDIMAGE/DISK"
