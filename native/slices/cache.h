/* A bounded write-back cache over a window of a source.  See cache.c. */
#ifndef OSDIMAGE_SLICE_CACHE_H
#define OSDIMAGE_SLICE_CACHE_H

#include <stdint.h>

#include "slices/units.h"
#include "slices/window.h"

/* 1 TiB: what the cache counts blocks with stays far below its end. */
#define OSD_CACHE_LARGEST (UINT64_C(1) << 40)

/* So many ranges can be the last to be written. */
#define OSD_CACHE_LATE 2

struct osd_cache;

struct osd_cache *osd_cache_new(const struct osd_window *window, uint64_t size, struct osd_slice_counters *counters);
void osd_cache_free(struct osd_cache *cache);
void osd_cache_write_last(struct osd_cache *cache, int64_t offset, int64_t length);
int osd_cache_error(const struct osd_cache *cache);
void osd_cache_fail(struct osd_cache *cache, int number);
int osd_cache_read(struct osd_cache *cache, uint8_t *buffer, int64_t count, int64_t offset);
int osd_cache_write(struct osd_cache *cache, const uint8_t *buffer, int64_t count, int64_t offset);
int osd_cache_flush(struct osd_cache *cache);

#endif
