/*
 * What is asked of the arrays of a tree once they are filled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/arrays.h"
#include "wim/blob_table.h"

/*
 * Forget, of the table that a tree was made with, the blobs that no stream of it has.  Where there is no memory to tell
 * them apart, all stay: who reads them reads more than is needed.
 */
void
osd_tree_keep_blobs(struct osd_tree *tree, struct osd_blob_table *table)
{
	uint32_t *place = calloc((size_t)tree->blob_count + 1, sizeof(*place)), kept = 0;

	if (place == NULL || table->count != tree->blob_count) {
		free(place);
		return;
	}
	for (uint32_t i = 0; i < tree->stream_count; i++)
		if (tree->streams[i].blob < tree->blob_count)
			place[tree->streams[i].blob] = 1;
	for (uint32_t i = 0; i < tree->blob_count; i++) {
		if (place[i] == 0)
			continue;
		place[i] = kept;
		table->blobs[kept++] = table->blobs[i];
	}
	for (uint32_t i = 0; i < tree->stream_count; i++)
		if (tree->streams[i].blob < tree->blob_count)
			tree->streams[i].blob = place[tree->streams[i].blob];
	table->count = tree->blob_count = kept;
	free(place);
}

/* Whether two entries of a folder have the very same name: libwim drops the second.  ENOMEM when that cannot be known. */
int
osd_tree_has_doubles(const struct osd_tree *tree, int *has_doubles)
{
	struct osd_map map = { 0 };
	int error = 0;

	*has_doubles = 0;
	for (uint32_t i = 0; error == 0 && i < tree->entry_count; i++) {
		const struct osd_tree_entry *entry = &tree->entries[i], *other;
		const uint16_t *name = tree->units + entry->name;
		size_t size = 2 * (size_t)entry->name_length, slot;
		uint64_t hash = osd_map_hash(&map, name, size) + entry->parent * 0x9E3779B97F4A7C15;

		for (uint32_t each = osd_map_first(&map, hash, &slot); each != OSD_MAP_NONE;
		     each = osd_map_next(&map, hash, &slot)) {
			other = &tree->entries[each];
			*has_doubles |= other->parent == entry->parent && other->name_length == entry->name_length &&
					memcmp(tree->units + other->name, name, size) == 0;
		}
		error = osd_map_add(&map, hash, i);
	}
	osd_map_release(&map);
	return error;
}

/*
 * Write the path of an entry, a '\' before each name, into so much room; return its length, or 0 when it does not fit.  It
 * is written from its end.
 */
size_t
osd_tree_path(const struct osd_tree *tree, uint32_t entry, uint16_t *units, size_t room)
{
	size_t at = room;

	while (entry != OSD_NONE && tree->entries[entry].parent != OSD_NONE) {
		const struct osd_tree_entry *each = &tree->entries[entry];

		if (at < (size_t)each->name_length + 1)
			return 0;
		at -= each->name_length;
		memcpy(units + at, tree->units + each->name, 2 * (size_t)each->name_length);
		units[--at] = '\\';
		entry = each->parent;
	}
	memmove(units, units + at, 2 * (room - at));
	return room - at;
}
