/*
 * The indexes of the files of the system that are no directories: $SDH and $SII of $Secure, $O of $ObjId, $R of $Reparse.
 *
 * All keys are of 32-bit words, and so they are compared.  ($SDH compares the hash, then the number; $O and $R whole
 * words too, not bytes.)
 *
 * Source: the Linux-NTFS project's documentation of NTFS; <ntfs-3g/layout.h> (OBJ_ID_INDEX_DATA, REPARSE_INDEX_KEY).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	ENTRY_HEAD = 16,
	OBJECT_KEY = 16,
	OBJECT_DATA = 56,		/* the reference, and three more GUIDs */
	REPARSE_KEY = 12,
	/* The roots of two indexes and all else must have room in a record. */
	LARGEST_ROOT = 200,
	BITMAP_IN_RECORD = 64,
};

/* ---- what an index is built of */

static int
compare_keys(const void *left, const void *right, void *context)
{
	const struct osd_view *view = context;
	const uint8_t *a = view->entries + *(const uint32_t *)left * view->entry_size + ENTRY_HEAD;
	const uint8_t *b = view->entries + *(const uint32_t *)right * view->entry_size + ENTRY_HEAD;

	for (uint32_t at = 0; at < view->key_size; at += 4)
		if (get32(a + at) != get32(b + at))
			return get32(a + at) < get32(b + at) ? -1 : 1;
	return 0;
}

static uint32_t
entry_length(void *context, size_t entry)
{
	const struct osd_view *view = context;

	(void)entry;
	return (uint32_t)view->entry_size;
}

static void
put_entry(void *context, size_t entry, uint8_t *out)
{
	const struct osd_view *view = context;

	memcpy(out, view->entries + view->order[entry] * view->entry_size, view->entry_size);
}

/* Return what an index is made of; the context begins with the view.  Who writes it adds where its blocks go. */
struct osd_index_input
osd_view_input(const struct osd_bulk *bulk, void *context, const struct osd_view *view)
{
	return (struct osd_index_input){
		.count = view->count,
		.length = entry_length,
		.entry = put_entry,
		.context = context,
		.collation = view->collation,
		.block_size = bulk->fresh.block_size,
		.cluster_size = bulk->fresh.cluster_size,
		.largest_root = LARGEST_ROOT,
		.largest_parent = LARGEST_ROOT,
	};
}

/* Sort an index and measure it.  0 or an errno; EEXIST where two keys are the same. */
int
osd_view_measure(struct osd_bulk *bulk, struct osd_view *view)
{
	struct osd_index_input input = osd_view_input(bulk, view, view);

	if (view->count >= UINT32_MAX)
		return EOVERFLOW;
	view->order = calloc(view->count + 1, sizeof(*view->order));
	if (view->order == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < view->count; i++)
		view->order[i] = i;
	qsort_r(view->order, view->count, sizeof(*view->order), compare_keys, view);
	for (size_t i = 1; i < view->count; i++)
		if (compare_keys(&view->order[i - 1], &view->order[i], view) == 0)
			return EEXIST;
	return osd_index_measure(&input, &view->index);
}

/* ---- object ids and reparse points */

/* Begin an index of a file of $Extend. */
static int
begin(struct osd_bulk *bulk, struct osd_view *view, const char *file, const char *name, uint32_t key_size,
      uint32_t data_size, size_t count)
{
	const uint8_t *root = NULL;
	uint32_t size = 0;
	int error;

	*view = (struct osd_view){
		.name = name,
		.collation = OSD_COLLATE_NUMBERS,
		.key_size = key_size,
		.entry_size = round_up(ENTRY_HEAD + key_size + data_size, 8),
	};
	error = osd_fresh_find(&bulk->fresh, file, &view->file);
	if (error == 0)
		error = osd_attribute_value(osd_record_find(osd_fresh_record(&bulk->fresh, view->file), OSD_INDEX_ROOT,
							    name), &root, &size);
	/* What is in it already is of a fill that was stopped. */
	if (error == 0 && size != OSD_EMPTY_INDEX_ROOT && !(bulk->fresh.volume_flags & OSD_VOLUME_IS_DIRTY))
		error = EBADMSG;
	if (error == 0) {
		view->is_written = count > 0 || size != OSD_EMPTY_INDEX_ROOT;
		view->entries = calloc(count + 1, view->entry_size);
		error = view->entries == NULL ? ENOMEM : 0;
	}
	return error;
}

static uint8_t *
add(struct osd_view *view, uint32_t data_size)
{
	uint8_t *entry = view->entries + view->count++ * view->entry_size;

	put16(entry, (uint16_t)(ENTRY_HEAD + view->key_size));
	put16(entry + 2, (uint16_t)data_size);
	put16(entry + 8, (uint16_t)view->entry_size);
	put16(entry + 10, (uint16_t)view->key_size);
	return entry + ENTRY_HEAD;
}

/* Make the indexes in memory.  0 (see the reason) or an errno. */
int
osd_views_plan(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	size_t objects = 0, points = 0;
	int error;

	for (uint32_t i = 0; i < tree->inode_count; i++) {
		objects += tree->inodes[i].object_id != OSD_NONE;
		points += osd_is_reparse(&tree->inodes[i]);
	}
	/* As many as there may be. */
	points += bulk->compact_count;
	error = begin(bulk, &bulk->views[OSD_VIEW_OBJECTS], "$ObjId", "$O", OBJECT_KEY, OBJECT_DATA, objects);
	if (error == 0)
		error = begin(bulk, &bulk->views[OSD_VIEW_REPARSE], "$Reparse", "$R", REPARSE_KEY, 0, points);
	for (uint32_t i = 0; error == 0 && i < tree->inode_count; i++) {
		const struct osd_tree_inode *inode = &tree->inodes[i];

		if (inode->object_id != OSD_NONE) {
			const uint8_t *id = tree->object_ids + (size_t)inode->object_id * OSD_OBJECT_ID_BYTES;
			uint8_t *key = add(&bulk->views[OSD_VIEW_OBJECTS], OBJECT_DATA);

			memcpy(key, id, OBJECT_KEY);
			put64(key + OBJECT_KEY, osd_reference_of(i));
			memcpy(key + OBJECT_KEY + 8, id + OBJECT_KEY, OSD_OBJECT_ID_BYTES - OBJECT_KEY);
		}
		if (osd_is_reparse(inode) || bulk->placed[inode->first_stream].placement == OSD_PLACED_COMPACT) {
			uint8_t *key = add(&bulk->views[OSD_VIEW_REPARSE], 0);

			put32(key, osd_is_reparse(inode) ? inode->reparse_tag : OSD_TAG_WOF);
			put64(key + 4, osd_reference_of(i));
		}
	}
	for (int i = 0; error == 0 && i < OSD_VIEWS; i++)
		error = osd_view_measure(bulk, &bulk->views[i]);
	if (error == EEXIST)
		return osd_bulk_refuse(bulk, OSD_BULK_OBJECT_ID, OSD_NONE);
	return error;
}

static uint64_t
clusters_of(const struct osd_bulk *bulk, const struct osd_view *view)
{
	uint64_t size = (uint64_t)view->index.blocks * bulk->fresh.block_size;

	return round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
}

/* How many clusters the indexes need. */
uint64_t
osd_views_clusters(const struct osd_bulk *bulk)
{
	uint64_t clusters = 0;

	for (int i = 0; i < OSD_VIEWS; i++) {
		clusters += clusters_of(bulk, &bulk->views[i]);
		if (round_up(bulk->views[i].index.blocks, 64) / 8 > BITMAP_IN_RECORD)
			clusters += round_up(bulk->views[i].index.blocks / 8 + 8, bulk->fresh.cluster_size) /
				    bulk->fresh.cluster_size;
	}
	return clusters;
}

static int
take(struct osd_bulk *bulk, struct osd_view *view)
{
	uint64_t size = round_up(view->index.blocks, 64) / 8;
	int error = osd_space_take(&bulk->space, clusters_of(bulk, view), &view->runs);

	if (error == 0 && size > BITMAP_IN_RECORD)
		error = osd_space_take(&bulk->space, round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size,
				       &view->bitmap);
	return error;
}

/* Take the clusters of the blocks.  0 or an errno. */
int
osd_views_take(struct osd_bulk *bulk)
{
	int error = 0;

	for (int i = 0; error == 0 && i < OSD_VIEWS; i++) {
		/* How many reparse points there are is known when all contents have come. */
		if (i != OSD_VIEW_REPARSE || bulk->compact_count == 0)
			error = take(bulk, &bulk->views[i]);
	}
	return error;
}

/* Leave out of the index of reparse points the files that did not get one, and take its clusters.  0 or an errno. */
int
osd_views_settle(struct osd_bulk *bulk)
{
	struct osd_view *view = &bulk->views[OSD_VIEW_REPARSE];
	int error;

	if (bulk->compact_count == 0)
		return 0;
	view->count = 0;
	for (uint32_t i = 0; i < bulk->tree->inode_count; i++) {
		const struct osd_tree_inode *inode = &bulk->tree->inodes[i];

		if (osd_is_reparse(inode) || osd_compact_of(bulk, inode) != NULL) {
			uint8_t *key = add(view, 0);

			put32(key, osd_is_reparse(inode) ? inode->reparse_tag : OSD_TAG_WOF);
			put64(key + 4, osd_reference_of(i));
		}
	}
	free(view->order);
	view->order = NULL;
	error = osd_view_measure(bulk, view);
	return error != 0 ? error : take(bulk, view);
}
