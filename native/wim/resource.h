/* Sequential reader of one resource of a WIM file.  See resource.c. */
#ifndef OSDIMAGE_RESOURCE_H
#define OSDIMAGE_RESOURCE_H

#include <stdint.h>
#include <sys/types.h>

struct osd_reader;

struct osd_reader *osd_reader_new(int fd, uint64_t begin, uint64_t length);
void osd_reader_free(struct osd_reader *reader);
int osd_reader_begin(struct osd_reader *reader, uint64_t offset, uint64_t stored_size, uint64_t size,
		     int is_compressed, int is_solid, int compression_type, uint32_t chunk_size);
int64_t osd_reader_next(struct osd_reader *reader, uint8_t *buffer, uint64_t capacity);
uint64_t osd_reader_skip(struct osd_reader *reader, uint64_t count);
uint32_t osd_reader_piece(const struct osd_reader *reader);
void osd_reader_recover(struct osd_reader *reader);
uint64_t osd_reader_lost(const struct osd_reader *reader);

#endif
