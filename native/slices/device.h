/* A slice as a device of libntfs-3g.  See device.c. */
#ifndef OSDIMAGE_SLICE_DEVICE_H
#define OSDIMAGE_SLICE_DEVICE_H

/* The name of slice N, as libntfs-3g and libwim are given it, is this and N in decimal. */
#define OSD_SLICE_PREFIX "osdimage-slice:"

int osd_slice_install(void);

#endif
