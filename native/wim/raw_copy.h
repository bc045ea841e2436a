/* What of the blob table of a WIM goes into other files, and where to.  See raw_copy.c, and raw_tree.c for trees. */
#ifndef OSDIMAGE_RAW_COPY_H
#define OSDIMAGE_RAW_COPY_H

#include <stddef.h>
#include <stdint.h>

struct osd_raw;

/* Bytes that are copied as they are. */
struct osd_range {
	uint64_t from;
	uint64_t to;
	uint64_t size;
};

struct osd_raw *osd_raw_new(const uint8_t *table, size_t count);
void osd_raw_free(struct osd_raw *raw);
size_t osd_raw_trees(const struct osd_raw *raw, uint32_t *numbers, size_t most);
int osd_raw_refer(struct osd_raw *raw, const uint8_t *sha1, int may_miss);
int osd_raw_add_tree(struct osd_raw *raw, const uint8_t *tree, size_t size, int may_miss);
int osd_raw_lay_out(struct osd_raw *raw, uint64_t file_size, uint64_t limit, uint64_t fixed, uint64_t first,
		    int may_exceed);
uint32_t osd_raw_parts(const struct osd_raw *raw);
const uint8_t *osd_raw_culprit(const struct osd_raw *raw);
size_t osd_raw_entries(const struct osd_raw *raw, uint32_t part);
void osd_raw_table(const struct osd_raw *raw, uint32_t part, uint8_t *table);
size_t osd_raw_ranges(const struct osd_raw *raw, uint32_t part, struct osd_range *ranges);

#endif
