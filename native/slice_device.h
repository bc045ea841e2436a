/* A part of a file or device as a device of libntfs-3g.  See slice_device.c. */
#ifndef OSDIMAGE_SLICE_DEVICE_H
#define OSDIMAGE_SLICE_DEVICE_H

#include <stdint.h>

#include "slice_cache.h"

/* The name of slice N, as libntfs-3g and libwim are given it, is this and N in decimal. */
#define OSD_SLICE_PREFIX "osdimage-slice:"

int osd_slice_install(void);
int64_t osd_slice_register(int fd, int64_t offset, int64_t length, uint32_t sector_size, int read_only, int sync,
			   uint64_t cache_size);
int osd_slice_unregister(int64_t number);
int osd_slice_error(int64_t number);
int osd_slice_counters(int64_t number, struct osd_slice_counters *counters);

#endif
