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
	MOST_ATTRIBUTES = 32,
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

struct writing {
	struct osd_view view;		/* first: the entries are asked of it */
	struct osd_bulk *bulk;
};

static int
write_block(void *context, uint32_t number, const uint8_t *block)
{
	const struct writing *writing = context;
	const struct osd_fresh *fresh = &writing->bulk->fresh;

	return osd_extents_write(fresh, &writing->view.runs, block, fresh->block_size,
			      (uint64_t)number * fresh->block_size);
}

static struct osd_index_input
input_of(const struct osd_bulk *bulk, void *context, const struct osd_view *view)
{
	return (struct osd_index_input){
		.count = view->count,
		.length = entry_length,
		.entry = put_entry,
		.block = write_block,
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
	struct osd_index_input input = input_of(bulk, view, view);

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

/* ---- into the records of the system */

struct record_parts {
	struct osd_attribute attributes[MOST_ATTRIBUTES];
	size_t count;
	uint8_t *values[OSD_VIEWS * 2];
	size_t value_count;
	uint16_t *names;		/* of the indexes, as UTF-16 */
	size_t name_count;
};

static const uint16_t *
widen(struct record_parts *parts, const char *name)
{
	uint16_t *units = parts->names + parts->name_count;

	for (; *name != '\0'; name++)
		parts->names[parts->name_count++] = (uint8_t)*name;
	return units;
}

static struct osd_attribute *
add_attribute(struct record_parts *parts, uint32_t type, const char *name)
{
	struct osd_attribute *attribute = &parts->attributes[parts->count++];

	*attribute = (struct osd_attribute){ .type = type, .name_length = (uint8_t)strlen(name) };
	attribute->name = widen(parts, name);
	return attribute;
}

static uint8_t *
add_memory(struct record_parts *parts, size_t size)
{
	uint8_t *memory = calloc(1, size + 1);

	if (memory != NULL)
		parts->values[parts->value_count++] = memory;
	return memory;
}

static int
write_zeros(const struct osd_fresh *fresh, const struct osd_extents *runs, uint64_t used)
{
	uint64_t rest = runs->clusters * fresh->cluster_size - used;
	uint8_t *zeros = calloc(1, rest + 1);
	int error = zeros == NULL ? ENOMEM : osd_extents_write(fresh, runs, zeros, rest, used);

	free(zeros);
	return error;
}

/* Write the blocks of an index and add its attributes. */
static int
add_view(struct osd_bulk *bulk, struct record_parts *parts, const struct osd_view *view)
{
	struct writing writing = { .view = *view, .bulk = bulk };
	struct osd_index_input input = input_of(bulk, &writing, view);
	struct osd_index index;
	size_t bits_size = round_up(view->index.blocks, 64) / 8;
	uint8_t *root = add_memory(parts, view->index.root_size), *bits = add_memory(parts, bits_size);
	struct osd_attribute *attribute;
	int error = root == NULL || bits == NULL ? ENOMEM : 0;

	if (error == 0)
		error = osd_index_build(&input, &index, root, view->index.root_size);
	if (error == 0 && view->runs.count > 0)
		error = write_zeros(&bulk->fresh, &view->runs, (uint64_t)index.blocks * bulk->fresh.block_size);
	if (error != 0)
		return error;
	attribute = add_attribute(parts, OSD_INDEX_ROOT, view->name);
	attribute->value = root;
	attribute->size = (uint32_t)index.root_size;
	if (index.blocks == 0)
		return 0;
	osd_attribute_set_runs(add_attribute(parts, OSD_INDEX_ALLOCATION, view->name), &view->runs,
		 (uint64_t)index.blocks * bulk->fresh.block_size, bulk->fresh.cluster_size);
	for (uint32_t i = 0; i < index.blocks; i++)
		bits[i / 8] |= (uint8_t)(1 << i % 8);
	attribute = add_attribute(parts, OSD_BITMAP, view->name);
	attribute->value = bits;
	attribute->size = (uint32_t)bits_size;
	if (view->bitmap.count > 0) {
		osd_attribute_set_runs(attribute, &view->bitmap, bits_size, bulk->fresh.cluster_size);
		error = osd_extents_write(&bulk->fresh, &view->bitmap, bits, bits_size, 0);
		if (error == 0)
			error = write_zeros(&bulk->fresh, &view->bitmap, bits_size);
	}
	return error;
}

static int
compare_attributes(const void *left, const void *right)
{
	const struct osd_attribute *a = left, *b = right;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	/* $SDH comes before $SII: two names of one file have one length. */
	for (uint8_t i = 0; i < a->name_length && i < b->name_length; i++)
		if (a->name[i] != b->name[i])
			return a->name[i] < b->name[i] ? -1 : 1;
	return 0;
}

/* Make the record of a file of the system anew: what it had before its indexes, and these. */
static int
make_record(struct osd_bulk *bulk, uint32_t file, struct record_parts *parts)
{
	uint8_t *old = osd_fresh_record(&bulk->fresh, file);
	struct osd_record head = {
		.size = bulk->fresh.record_size,
		.number = file,
		.sequence = get16(old + 16),
		.links = get16(old + 18),
		.flags = get16(old + 22),
	};
	size_t total = 0;
	uint8_t *record = malloc(head.size);
	int error = record == NULL ? ENOMEM : 0;

	for (const uint8_t *each = osd_record_next(old, NULL); error == 0 && each != NULL; each = osd_record_next(old, each)) {
		if (get32(each) >= OSD_DATA) {
			error = osd_bulk_release(bulk, each);
			continue;
		}
		if (parts->count == MOST_ATTRIBUTES)
			error = EMSGSIZE;
		else
			parts->attributes[parts->count++] = (struct osd_attribute){ .type = get32(each), .raw = each };
	}
	for (size_t i = 0; error == 0 && i < parts->count; i++) {
		osd_attribute_measure(&parts->attributes[i]);
		total += parts->attributes[i].length;
	}
	if (error == 0 && total > osd_record_room(head.size))
		error = EMSGSIZE;
	if (error == 0) {
		qsort(parts->attributes, parts->count, sizeof(*parts->attributes), compare_attributes);
		osd_record_begin(record, &head);
		for (size_t i = 0; i < parts->count; i++)
			osd_record_add(record, &parts->attributes[i]);
		osd_record_end(record);
		error = osd_fixups_undo(record, head.size, "FILE");
	}
	if (error == 0) {
		osd_fixups_follow(record, old);
		memcpy(old, record, head.size);
	}
	free(record);
	return error;
}

/* Write the contents of $SDS, to the end of its clusters. */
static int
write_descriptors(struct osd_bulk *bulk)
{
	int error = osd_extents_write(&bulk->fresh, &bulk->secure_runs, bulk->secure, bulk->secure_size, 0);

	return error != 0 ? error : write_zeros(&bulk->fresh, &bulk->secure_runs, bulk->secure_size);
}

/*
 * Write the blocks of all indexes, to where nothing leads, and change the records of their files in memory.  0 or an
 * errno.
 */
int
osd_views_write(struct osd_bulk *bulk)
{
	int error = write_descriptors(bulk);

	for (int first = 0; error == 0 && first < OSD_VIEWS; first++) {
		struct record_parts parts = { .names = calloc(MOST_ATTRIBUTES, 4 * sizeof(uint16_t)) };
		uint32_t file = bulk->views[first].file;

		if (parts.names == NULL)
			return ENOMEM;
		/* $Secure has two, one behind the other. */
		if (bulk->views[first].is_written) {
			if (file == OSD_FILE_SECURE)
				osd_attribute_set_runs(add_attribute(&parts, OSD_DATA, "$SDS"), &bulk->secure_runs, bulk->secure_size,
					 bulk->fresh.cluster_size);
			error = add_view(bulk, &parts, &bulk->views[first]);
			if (error == 0 && file == OSD_FILE_SECURE)
				error = add_view(bulk, &parts, &bulk->views[++first]);
			if (error == 0)
				error = make_record(bulk, file, &parts);
		}
		for (size_t i = 0; i < parts.value_count; i++)
			free(parts.values[i]);
		free(parts.names);
	}
	return error;
}
