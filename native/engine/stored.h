/* What libwim does not tell of a tree.  See stored.c. */
#ifndef OSDIMAGE_ENGINE_STORED_H
#define OSDIMAGE_ENGINE_STORED_H

#include <stddef.h>
#include <stdint.h>

struct osd_tree;

struct osd_stored {
	uint64_t extended;		/* files with extended attributes */
	uint64_t beside;		/* reparse points with contents, or with more in their heads */
	uint64_t marked;		/* folders with streams, and links that are marked as rewritten */
};

int osd_stored_scan(const uint8_t *tree, size_t size, struct osd_stored *found);
int osd_stored_links(const uint8_t *stored, size_t size, const struct osd_tree *tree, uint8_t *links);

#endif
