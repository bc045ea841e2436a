/*
 * The directories of an image as indexes of a new volume: the names in each, sorted as the volume sorts them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

#define ENTRY_HEAD 16
/* $STANDARD_INFORMATION, a list of attributes and the runs of the blocks, beside a root that has to be small. */
#define SMALL_ROOT 120
/* The attributes of the blocks of an index and of their bitmap, where that is in the record. */
#define PARENT_BYTES 192
/* The head of the attribute of a root, and its name. */
#define ROOT_HEAD 32
/* Blocks of an index that are written at once, in bytes. */
#define BLOCKS_TOGETHER (256u << 10)
/* A bitmap of more bytes gets clusters. */
#define LARGEST_BITMAP 128

struct child_name {
	const uint16_t *units;
	uint8_t length;
};

/* What an index is asked about. */
struct folder_context {
	struct osd_bulk *bulk;
	const struct osd_folder_index *folder;
	uint8_t *blocks;		/* what is written together */
	uint64_t at;			/* where that goes, in bytes of the index */
	uint64_t size;
};

static const uint8_t *
system_name(const struct osd_bulk *bulk, uint32_t file)
{
	const uint8_t *value = NULL;
	uint32_t size;

	osd_attribute_value(osd_record_find(osd_fresh_record(&bulk->fresh, file), OSD_FILE_NAME, ""), &value, &size);
	return value;
}

static struct child_name
name_of(const struct osd_bulk *bulk, uint32_t child)
{
	const struct osd_tree *tree = bulk->tree;
	uint32_t number = child >> 2;

	switch (child & 3) {
	case OSD_CHILD_SYSTEM: {
		const uint8_t *value = system_name(bulk, number);

		/* Names in a record are at even addresses. */
		return (struct child_name){ (const uint16_t *)(const void *)(value + OSD_NAME_KEY), value[64] };
	}
	case OSD_CHILD_SHORT:
		return (struct child_name){ tree->units + tree->entries[number].short_name,
					    tree->entries[number].short_length };
	default:
		return (struct child_name){ tree->units + tree->entries[number].name, tree->entries[number].name_length };
	}
}

/* Compare two names by the table of the volume and, with_case, those that are the same in it by their units. */
int
osd_names_compare(const uint16_t *upcase, const uint16_t *left, size_t left_length, const uint16_t *right,
		  size_t right_length, int with_case)
{
	size_t shorter = left_length < right_length ? left_length : right_length;

	for (size_t i = 0; i < shorter; i++)
		if (upcase[left[i]] != upcase[right[i]])
			return (int)upcase[left[i]] - upcase[right[i]];
	if (left_length != right_length || !with_case)
		return left_length < right_length ? -1 : left_length > right_length;
	for (size_t i = 0; i < shorter; i++)
		if (left[i] != right[i])
			return (int)left[i] - right[i];
	return 0;
}

static int
compare_children(const void *left, const void *right, void *context)
{
	const struct osd_bulk *bulk = context;
	struct child_name a = name_of(bulk, *(const uint32_t *)left), b = name_of(bulk, *(const uint32_t *)right);

	return osd_names_compare(bulk->fresh.upcase, a.units, a.length, b.units, b.length, 1);
}

/* Whether a file has a short name that is not the name itself; if it is, it is in the directory once. */
int
osd_has_two_names(const struct osd_bulk *bulk, const struct osd_tree_entry *entry)
{
	const uint16_t *units = bulk->tree->units;

	return entry->short_length > 0 &&
	       osd_names_compare(bulk->fresh.upcase, units + entry->name, entry->name_length, units + entry->short_name,
				 entry->short_length, 0) != 0;
}

/* ---- sorting */

/* Whether a name is one that NTFS tells apart by its case from another that is the same without. */
static int
is_posix(const struct osd_bulk *bulk, uint32_t child)
{
	return (child & 3) == OSD_CHILD_NAME && bulk->tree->entries[child >> 2].short_length == 0;
}

/* Refuse names that NTFS takes for one, of neighbours in a sorted directory. */
static int
refuse_twins(struct osd_bulk *bulk, const struct osd_folder_index *folder)
{
	const uint32_t *children = bulk->children + folder->first;

	for (uint32_t i = 1; i < folder->count; i++) {
		struct child_name a = name_of(bulk, children[i - 1]), b = name_of(bulk, children[i]);
		uint32_t other = (children[i] & 3) == OSD_CHILD_SYSTEM ? children[i - 1] : children[i];
		int is_system = (children[i] & 3) == OSD_CHILD_SYSTEM || (children[i - 1] & 3) == OSD_CHILD_SYSTEM;

		if (osd_names_compare(bulk->fresh.upcase, a.units, a.length, b.units, b.length, 0) != 0)
			continue;
		if (is_system)
			return osd_bulk_refuse(bulk, OSD_BULK_SYSTEM_NAME, other >> 2);
		if (compare_children(&children[i - 1], &children[i], bulk) == 0 || !is_posix(bulk, children[i]) ||
		    !is_posix(bulk, children[i - 1]))
			return osd_bulk_refuse(bulk, OSD_BULK_TWINS, other >> 2);
	}
	return 0;
}

static int
sort(struct osd_bulk *bulk, const struct osd_folder_index *folder)
{
	uint32_t *children = bulk->children + folder->first;

	/* libwim's order is nearly that of the volume. */
	for (uint32_t i = 1; i < folder->count; i++) {
		if (compare_children(&children[i - 1], &children[i], bulk) >= 0) {
			qsort_r(children, folder->count, sizeof(*children), compare_children, bulk);
			break;
		}
	}
	return refuse_twins(bulk, folder);
}

/* ---- what an index is built of */

static uint32_t
entry_length(void *context, size_t entry)
{
	const struct folder_context *about = context;
	struct child_name name = name_of(about->bulk, about->bulk->children[about->folder->first + entry]);

	return (uint32_t)round_up(ENTRY_HEAD + OSD_NAME_KEY + 2 * (size_t)name.length, 8);
}

static void
put_entry(void *context, size_t entry, uint8_t *out)
{
	const struct folder_context *about = context;
	const struct osd_bulk *bulk = about->bulk;
	uint32_t child = bulk->children[about->folder->first + entry], number = child >> 2;
	size_t size;

	if ((child & 3) == OSD_CHILD_SYSTEM) {
		const uint8_t *record = osd_fresh_record(&bulk->fresh, number), *value = system_name(bulk, number);

		size = OSD_NAME_KEY + 2 * (size_t)value[64];
		put64(out, osd_reference(number, get16(record + 16)));
		if (number == OSD_FILE_ROOT)
			osd_file_name_value(bulk, 0, 0, out + ENTRY_HEAD);
		else
			memcpy(out + ENTRY_HEAD, value, size);
	} else {
		size = osd_file_name_value(bulk, number, (child & 3) == OSD_CHILD_SHORT, out + ENTRY_HEAD);
		put64(out, osd_reference_of(bulk->tree->entries[number].inode));
	}
	put16(out + 8, (uint16_t)round_up(ENTRY_HEAD + size, 8));
	put16(out + 10, (uint16_t)size);
}

static int
write_blocks(struct folder_context *about)
{
	int error = osd_extents_write(&about->bulk->fresh, &about->folder->runs, about->blocks, about->size, about->at);

	about->at += about->size;
	about->size = 0;
	return error;
}

/* Blocks come in the order of their numbers. */
static int
take_block(void *context, uint32_t number, const uint8_t *block)
{
	struct folder_context *about = context;
	uint32_t size = about->bulk->fresh.block_size;

	(void)number;
	memcpy(about->blocks + about->size, block, size);
	about->size += size;
	return about->size + size > BLOCKS_TOGETHER ? write_blocks(about) : 0;
}

static struct osd_index_input
input_of(struct folder_context *about)
{
	const struct osd_fresh *fresh = &about->bulk->fresh;

	return (struct osd_index_input){
		.count = about->folder->count,
		.length = entry_length,
		.entry = put_entry,
		.block = take_block,
		.context = about,
		.attribute_type = OSD_FILE_NAME,
		.collation = OSD_COLLATE_FILE_NAME,
		.block_size = fresh->block_size,
		.cluster_size = fresh->cluster_size,
		.largest_root = about->folder->largest_root,
		.largest_parent = about->folder->largest_parent,
	};
}

/* How large the root of an index may be, beside all else that is in the record. */
static void
limit_root(const struct osd_bulk *bulk, struct osd_folder_index *folder)
{
	size_t room = osd_record_room(bulk->fresh.record_size);
	uint64_t other = osd_file_base_size(bulk, folder->inode);

	other += ROOT_HEAD;
	folder->largest_root = other + SMALL_ROOT <= room ? (uint32_t)(room - other) : SMALL_ROOT;
	folder->largest_parent = folder->largest_root > SMALL_ROOT + PARENT_BYTES ? folder->largest_root - PARENT_BYTES :
										      SMALL_ROOT;
}

/* ---- the plan */

static int
collect_children(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	uint64_t count = OSD_FILES_NAMED;
	uint32_t first = 0;

	for (uint32_t i = 1; i < tree->entry_count; i++) {
		struct osd_folder_index *folder;
		uint32_t inode = tree->entries[tree->entries[i].parent].inode;

		if (bulk->folder_of[inode] == OSD_NONE)
			return osd_bulk_refuse(bulk, OSD_BULK_DAMAGED_TREE, i);
		folder = &bulk->folders[bulk->folder_of[inode]];
		count += 2;
		folder->count += osd_has_two_names(bulk, &tree->entries[i]) ? 2 : 1;
	}
	bulk->folders[0].count += OSD_FILES_NAMED;
	bulk->children = calloc(count, sizeof(*bulk->children));
	if (bulk->children == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < bulk->folder_count; i++) {
		bulk->folders[i].first = first;
		first += bulk->folders[i].count;
		bulk->folders[i].count = 0;
	}
	for (uint32_t i = 1; i < tree->entry_count; i++) {
		uint32_t inode = tree->entries[tree->entries[i].parent].inode;
		struct osd_folder_index *folder = &bulk->folders[bulk->folder_of[inode]];

		bulk->children[folder->first + folder->count++] = i << 2 | OSD_CHILD_NAME;
		if (osd_has_two_names(bulk, &tree->entries[i]))
			bulk->children[folder->first + folder->count++] = i << 2 | OSD_CHILD_SHORT;
	}
	for (uint32_t i = 0; i < OSD_FILES_NAMED; i++)
		bulk->children[bulk->folders[0].first + bulk->folders[0].count++] = i << 2 | OSD_CHILD_SYSTEM;
	return 0;
}

/* Sort all directories and measure their indexes.  0 (see the reason), or an errno. */
int
osd_folders_plan(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	int error;

	bulk->folder_of = malloc(tree->inode_count * sizeof(*bulk->folder_of));
	for (uint32_t i = 0; bulk->folder_of != NULL && i < tree->inode_count; i++)
		bulk->folder_of[i] = osd_is_folder(&tree->inodes[i]) ? bulk->folder_count++ : OSD_NONE;
	bulk->folders = calloc(bulk->folder_count + 1, sizeof(*bulk->folders));
	if (bulk->folder_of == NULL || bulk->folders == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < tree->inode_count; i++)
		if (bulk->folder_of[i] != OSD_NONE)
			bulk->folders[bulk->folder_of[i]].inode = i;
	error = collect_children(bulk);
	for (uint32_t i = 0; error == 0 && bulk->reason == OSD_BULK_CAN && i < bulk->folder_count; i++) {
		struct osd_folder_index *folder = &bulk->folders[i];
		struct folder_context about = { .bulk = bulk, .folder = folder };
		struct osd_index_input input;
		struct osd_index index;

		error = sort(bulk, folder);
		if (error != 0 || bulk->reason != OSD_BULK_CAN)
			break;
		limit_root(bulk, folder);
		input = input_of(&about);
		error = osd_index_measure(&input, &index);
		if (error == 0) {
			folder->blocks = index.blocks;
			folder->root_size = (uint32_t)index.root_size;
		}
	}
	return error;
}

static uint64_t
bitmap_size(const struct osd_folder_index *folder)
{
	return round_up(folder->blocks, 64) / 8;
}

static uint64_t
clusters_for(const struct osd_bulk *bulk, uint64_t size)
{
	return round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
}

/* How many clusters a directory needs. */
uint64_t
osd_folders_clusters(const struct osd_bulk *bulk, const struct osd_folder_index *folder)
{
	uint64_t clusters = clusters_for(bulk, (uint64_t)folder->blocks * bulk->fresh.block_size);

	return clusters + (bitmap_size(folder) > LARGEST_BITMAP ? clusters_for(bulk, bitmap_size(folder)) : 0);
}

/* At most so many bytes the attributes of an index take in its records. */
uint64_t
osd_folder_size(const struct osd_folder_index *folder)
{
	return ROOT_HEAD + folder->root_size + (folder->blocks > 0 ? PARENT_BYTES : 0);
}

/* Take the clusters of all directories.  0 or an errno. */
int
osd_folders_take(struct osd_bulk *bulk)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < bulk->folder_count; i++) {
		struct osd_folder_index *folder = &bulk->folders[i];
		uint64_t size = (uint64_t)folder->blocks * bulk->fresh.block_size;

		error = osd_space_take(&bulk->space, clusters_for(bulk, size), &folder->runs);
		if (error == 0 && bitmap_size(folder) > LARGEST_BITMAP)
			error = osd_space_take(&bulk->space, clusters_for(bulk, bitmap_size(folder)), &folder->bitmap);
	}
	return error;
}

/* Write what is behind the last block in its clusters, and the bitmap that has clusters of its own. */
static int
write_rest(struct osd_bulk *bulk, const struct osd_folder_index *folder)
{
	const struct osd_fresh *fresh = &bulk->fresh;
	uint64_t used = (uint64_t)folder->blocks * fresh->block_size;
	uint64_t rest = folder->runs.clusters * fresh->cluster_size - used;
	uint64_t room = folder->bitmap.clusters * fresh->cluster_size;
	uint8_t *bytes = calloc(1, (rest > room ? rest : room) + 1);
	int error = bytes == NULL ? ENOMEM : 0;

	if (error == 0 && rest > 0)
		error = osd_extents_write(fresh, &folder->runs, bytes, rest, used);
	for (uint32_t i = 0; room > 0 && bytes != NULL && i < folder->blocks; i++)
		bytes[i / 8] |= (uint8_t)(1 << i % 8);
	if (error == 0 && room > 0)
		error = osd_extents_write(fresh, &folder->bitmap, bytes, room, 0);
	free(bytes);
	return error;
}

/* Build the index of a directory: its blocks on the volume, and its root into so much room. */
int
osd_folder_build(struct osd_bulk *bulk, const struct osd_folder_index *folder, uint8_t *root, size_t room)
{
	struct folder_context about = { .bulk = bulk, .folder = folder };
	struct osd_index_input input = input_of(&about);
	struct osd_index index;
	int error;

	about.blocks = malloc(folder->blocks > 0 ? BLOCKS_TOGETHER : 1);
	if (about.blocks == NULL)
		return ENOMEM;
	error = osd_index_build(&input, &index, root, room);
	if (error == 0)
		error = write_blocks(&about);
	/* It was measured before. */
	if (error == 0 && (index.blocks != folder->blocks || index.root_size != folder->root_size))
		error = EPROTO;
	if (error == 0 && folder->runs.count > 0)
		error = write_rest(bulk, folder);
	free(about.blocks);
	return error;
}
