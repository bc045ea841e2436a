/* A bounded write-back cache over a window of a file.  See slice_cache.c. */
#ifndef OSDIMAGE_SLICE_CACHE_H
#define OSDIMAGE_SLICE_CACHE_H

#include <stdint.h>

#define OSD_CACHE_BLOCK 65536
/* 1 TiB: what the cache counts blocks with stays far below its end. */
#define OSD_CACHE_LARGEST (UINT64_C(1) << 40)

struct osd_slice_counters {
	uint64_t reads;			/* asked of the slice */
	uint64_t read_bytes;
	uint64_t writes;
	uint64_t written_bytes;
	uint64_t hits;			/* pieces of either that found their block in the cache */
	uint64_t misses;
	uint64_t holes;			/* misses that were answered without reading */
	uint64_t file_reads;		/* system calls */
	uint64_t file_read_bytes;
	uint64_t file_writes;
	uint64_t file_written_bytes;
	uint64_t syncs;
};

struct osd_window {
	int fd;
	int64_t offset;			/* in the file */
	int64_t length;
	int has_holes;			/* SEEK_DATA tells holes of this file */
};

struct osd_cache;

struct osd_cache *osd_cache_new(const struct osd_window *window, uint64_t size, struct osd_slice_counters *counters);
void osd_cache_free(struct osd_cache *cache);
int osd_cache_error(const struct osd_cache *cache);
void osd_cache_fail(struct osd_cache *cache, int number);
int osd_cache_read(struct osd_cache *cache, uint8_t *buffer, int64_t count, int64_t offset);
int osd_cache_write(struct osd_cache *cache, const uint8_t *buffer, int64_t count, int64_t offset);
int osd_cache_flush(struct osd_cache *cache);

#endif
