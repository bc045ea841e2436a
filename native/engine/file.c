/*
 * A file of an image as attributes.
 *
 * Source: the Linux-NTFS project's documentation of NTFS; forms where it leaves a choice are those of libntfs-3g or of
 * Windows 10, as told beside them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

/* FILE_NAME_ATTR.file_name_type */
enum { NAME_POSIX = 0, NAME_WIN32 = 1, NAME_DOS = 2, NAME_WIN32_AND_DOS = 3 };

#define IS_INDEX 0x10000000
/* The attributes of Windows that a file keeps on NTFS: those that the system call sets, and what is told of the file. */
#define KEPT_ATTRIBUTES 0x3F67u
#define ATTRIBUTE_SPARSE 0x0200u
#define ATTRIBUTE_REPARSE 0x0400u
#define ATTRIBUTE_COMPRESSED 0x0800u

/* The stream in which Windows keeps the contents of a file that it has compressed as a whole. */
static const uint16_t WOF[] = {
	'W', 'o', 'f', 'C', 'o', 'm', 'p', 'r', 'e', 's', 's', 'e', 'd', 'D', 'a', 't', 'a',
};
#define WOF_LENGTH (sizeof(WOF) / sizeof(*WOF))

static const uint16_t I30[] = { '$', 'I', '3', '0' };

/* ---- what is in the values */

/* The flags of a file as the volume has them. */
static uint32_t
flags_of(const struct osd_bulk *bulk, const struct osd_tree_inode *inode)
{
	uint32_t flags = inode->attributes & KEPT_ATTRIBUTES;

	if (bulk->fresh.cluster_size > OSD_LARGEST_COMPRESSED)
		flags &= ~ATTRIBUTE_COMPRESSED;
	if (osd_is_folder(inode) || osd_is_reparse(inode))
		flags &= ~ATTRIBUTE_SPARSE;
	if (osd_compact_of(bulk, inode) != NULL)
		flags |= ATTRIBUTE_SPARSE | ATTRIBUTE_REPARSE;
	return flags;
}

/* The flags of a stream: OSD_IS_COMPRESSED, OSD_IS_SPARSE. */
uint32_t
osd_bulk_stream_flags(const struct osd_bulk *bulk, uint32_t stream)
{
	const struct osd_tree_stream *about = &bulk->tree->streams[stream];
	const struct osd_tree_inode *inode = &bulk->tree->inodes[about->inode];
	uint32_t flags = flags_of(bulk, inode);

	if (osd_is_folder(inode) || (osd_is_reparse(inode) && stream == inode->first_stream))
		return 0;
	return (flags & ATTRIBUTE_COMPRESSED ? OSD_IS_COMPRESSED : 0) |
	       (flags & ATTRIBUTE_SPARSE && stream == inode->first_stream ? OSD_IS_SPARSE : 0);
}

/* The size of the contents of a file, and what they take, as its names tell them; those of a folder or link are 0. */
static void
sizes_of(const struct osd_bulk *bulk, const struct osd_tree_inode *inode, uint64_t *size, uint64_t *allocated)
{
	const struct osd_placed *placed = &bulk->placed[inode->first_stream];

	*size = *allocated = 0;
	if (osd_is_folder(inode) || osd_is_reparse(inode))
		return;
	*size = bulk->tree->streams[inode->first_stream].size;
	if (placed->placement == OSD_PLACED_LATE)
		*allocated = osd_late_stored(&bulk->late[placed->at]) * bulk->fresh.cluster_size;
	else if (placed->placement == OSD_PLACED_COMPACT)
		*allocated = osd_compact_of(bulk, inode) != NULL ? 0 : round_up(*size, bulk->fresh.cluster_size);
	else
		*allocated = round_up(*size, placed->placement == OSD_PLACED_IN_RECORD ? 8 : bulk->fresh.cluster_size);
}

/* Write the value of the $FILE_NAME of an entry; return its size. */
size_t
osd_file_name_value(const struct osd_bulk *bulk, uint32_t entry, int is_short, uint8_t *out)
{
	const struct osd_tree *tree = bulk->tree;
	const struct osd_tree_entry *name = &tree->entries[entry];
	const struct osd_tree_inode *inode = &tree->inodes[name->inode];
	uint32_t parent = entry == 0 ? 0 : tree->entries[name->parent].inode;
	size_t length = entry == 0 ? 1 : is_short ? name->short_length : name->name_length;
	uint64_t size, allocated;

	sizes_of(bulk, inode, &size, &allocated);
	put64(out, osd_reference_of(parent));
	put64(out + 8, inode->created);
	put64(out + 16, inode->modified);
	put64(out + 24, bulk->stamp);
	put64(out + 32, inode->accessed);
	put64(out + 40, allocated);
	put64(out + 48, size);
	put32(out + 56, flags_of(bulk, inode) | (osd_is_folder(inode) ? IS_INDEX : 0));
	put32(out + 60, osd_compact_of(bulk, inode) != NULL ? OSD_TAG_WOF : inode->reparse_tag);
	out[64] = (uint8_t)length;
	if (entry == 0) {
		/* mkntfs names the root so. */
		out[65] = NAME_WIN32_AND_DOS;
		put16(out + OSD_NAME_KEY, '.');
		return OSD_NAME_KEY + 2;
	}
	if (is_short)
		out[65] = NAME_DOS;
	else if (name->short_length == 0)
		out[65] = NAME_POSIX; /* as Windows does without short names */
	else
		out[65] = osd_has_two_names(bulk, name) ? NAME_WIN32 : NAME_WIN32_AND_DOS;
	put_units(out + OSD_NAME_KEY, tree->units + (is_short ? name->short_name : name->name), length);
	return OSD_NAME_KEY + 2 * length;
}

static void
put_standard_information(const struct osd_bulk *bulk, uint32_t number, uint8_t *out)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	uint32_t id = inode->descriptor != OSD_NONE ? bulk->security_ids[inode->descriptor] : bulk->usual_id;

	memset(out, 0, OSD_STANDARD_BYTES);
	put64(out, inode->created);
	put64(out + 8, inode->modified);
	put64(out + 16, bulk->stamp);
	put64(out + 24, inode->accessed);
	put32(out + 32, flags_of(bulk, inode));
	/* The root keeps its own descriptor, an attribute, where the image has none for it. */
	put32(out + 52, number == 0 && inode->descriptor == OSD_NONE ? 0 : id);
}

/* ---- the attributes of a file */

/* Make room in an array for so many items.  0 or ENOMEM. */
int
osd_file_grow(void *member, size_t *room, size_t needed, size_t size)
{
	void *array, *grown;
	size_t capacity = *room > 0 ? *room : 64;

	if (needed <= *room)
		return 0;
	while (capacity < needed)
		capacity *= 2;
	memcpy(&array, member, sizeof(array));
	grown = reallocarray(array, capacity, size);
	if (grown == NULL)
		return ENOMEM;
	memcpy(member, &grown, sizeof(grown));
	*room = capacity;
	return 0;
}

/* Make room for all that a file may have, so that nothing moves that an attribute points to. */
static int
reserve(const struct osd_bulk *bulk, struct osd_file *file, const struct osd_tree_inode *inode)
{
	size_t streams = inode->stream_count, names = inode->link_count, late = 0, before = file->stream_room;
	int error = osd_file_grow(&file->attributes, &file->capacity, 2 * names + streams + 10, sizeof(*file->attributes));

	for (uint32_t i = 0; i < inode->stream_count; i++)
		late += bulk->placed[inode->first_stream + i].placement == OSD_PLACED_LATE;
	if (error == 0)
		error = osd_file_grow(&file->values, &file->room, (2 * names + 4) * 640 + 2 * bulk->fresh.record_size, 1);
	if (error == 0)
		error = osd_file_grow(&file->streams, &file->stream_room, streams + 2, sizeof(*file->streams));
	if (error == 0 && file->stream_room != before) {
		free(file->single);
		file->single = calloc(file->stream_room, sizeof(*file->single));
		error = file->single == NULL ? ENOMEM : 0;
	}
	if (error == 0 && late > file->late_room) {
		before = file->late_room;
		error = osd_file_grow(&file->late, &file->late_room, late, sizeof(*file->late));
		if (error == 0)
			memset(file->late + before, 0, (file->late_room - before) * sizeof(*file->late));
	}
	file->count = file->used = file->late_count = 0;
	return error;
}

static struct osd_attribute *
add(struct osd_file *file, uint32_t type)
{
	struct osd_attribute *attribute = &file->attributes[file->count++];

	*attribute = (struct osd_attribute){ .type = type };
	return attribute;
}

static uint8_t *
new_value(struct osd_file *file, size_t size)
{
	uint8_t *value = file->values + file->used;

	file->used += round_up(size, 8);
	return value;
}

static struct osd_attribute *
add_value(struct osd_file *file, uint32_t type, const uint8_t *value, size_t size)
{
	struct osd_attribute *attribute = add(file, type);

	attribute->value = value;
	attribute->size = (uint32_t)size;
	return attribute;
}

static int
compare_values(const void *left, const void *right)
{
	const struct osd_attribute *a = left, *b = right;
	uint32_t shorter = a->size < b->size ? a->size : b->size;
	int order = memcmp(a->value, b->value, shorter);

	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static void
add_names(const struct osd_bulk *bulk, struct osd_file *file, uint32_t number)
{
	const struct osd_tree *tree = bulk->tree;
	size_t first = file->count;

	for (uint32_t i = tree->inodes[number].first_link; i != OSD_NONE; i = tree->entries[i].next_link) {
		int count = number != 0 && osd_has_two_names(bulk, &tree->entries[i]) ? 2 : 1;

		for (int is_short = 0; is_short < count; is_short++) {
			uint8_t *value = new_value(file, OSD_NAME_KEY + 510);

			add_value(file, OSD_FILE_NAME, value, osd_file_name_value(bulk, i, is_short, value))->is_indexed = 1;
		}
	}
	qsort(file->attributes + first, file->count - first, sizeof(*file->attributes), compare_values);
}

/* Give an attribute runs, which hold so many bytes. */
void
osd_attribute_set_runs(struct osd_attribute *attribute, const struct osd_extents *runs, uint64_t size, uint32_t cluster_size)
{
	attribute->runs = runs->runs;
	attribute->run_count = runs->count;
	attribute->clusters = runs->clusters;
	attribute->allocated = runs->clusters * cluster_size;
	attribute->data = size;
}

static int
add_stream(const struct osd_bulk *bulk, struct osd_file *file, uint32_t stream, uint32_t type)
{
	const struct osd_tree_stream *about = &bulk->tree->streams[stream];
	const struct osd_placed *placed = &bulk->placed[stream];
	const struct osd_tree_inode *inode = &bulk->tree->inodes[about->inode];
	uint64_t size = about->size + (type == OSD_REPARSE_POINT ? OSD_REPARSE_HEAD : 0);
	struct osd_attribute *attribute = add(file, type);
	struct osd_extent *single = &file->single[stream - inode->first_stream];
	struct osd_extents runs = { .runs = single, .count = 1 };
	int error = 0;

	attribute->name = bulk->tree->units + about->name;
	attribute->name_length = about->name_length;
	attribute->flags = (uint16_t)osd_bulk_stream_flags(bulk, stream);
	switch (placed->placement) {
	case OSD_PLACED_EMPTY:
		break;
	case OSD_PLACED_IN_RECORD:
		attribute->value = bulk->inner + placed->at;
		attribute->size = (uint32_t)size;
		break;
	case OSD_PLACED_LATE: {
		struct osd_extents *late = &file->late[file->late_count++];

		osd_extents_release(late);
		error = osd_late_runs(bulk, &bulk->late[placed->at], late);
		osd_attribute_set_runs(attribute, late, size, bulk->fresh.cluster_size);
		attribute->unit_shift = bulk->fresh.cluster_size <= OSD_LARGEST_COMPRESSED ? OSD_UNIT_SHIFT : 0;
		attribute->stored = osd_late_stored(&bulk->late[placed->at]) * bulk->fresh.cluster_size;
		break;
	}
	case OSD_PLACED_COMPACT:
		if (osd_compact_of(bulk, inode) == NULL) {
			osd_attribute_set_runs(attribute, &bulk->compact[placed->at].runs, size, bulk->fresh.cluster_size);
			break;
		}
		attribute->unit_shift = bulk->fresh.cluster_size <= OSD_LARGEST_COMPRESSED ? OSD_UNIT_SHIFT : 0;
		single->lcn = OSD_HOLE;
		single->length = runs.clusters = round_up(size, (uint64_t)bulk->fresh.cluster_size << attribute->unit_shift) /
						 bulk->fresh.cluster_size;
		osd_attribute_set_runs(attribute, &runs, size, bulk->fresh.cluster_size);
		break;
	case OSD_PLACED_RUN:
		single->lcn = placed->at;
		single->length = runs.clusters = round_up(size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
		osd_attribute_set_runs(attribute, &runs, size, bulk->fresh.cluster_size);
		break;
	default:
		osd_attribute_set_runs(attribute, &bulk->split[placed->at].runs, size, bulk->fresh.cluster_size);
	}
	return error;
}

/* Tell whether a file has a stream of its own that is called as the one in which Windows keeps compressed contents. */
int
osd_file_has_stored_form(const struct osd_bulk *bulk, const struct osd_tree_inode *inode)
{
	for (uint32_t i = 1; i < inode->stream_count; i++) {
		const struct osd_tree_stream *stream = &bulk->tree->streams[inode->first_stream + i];

		if (osd_names_compare(bulk->fresh.upcase, WOF, WOF_LENGTH, bulk->tree->units + stream->name,
				      stream->name_length, 0) == 0)
			return 1;
	}
	return 0;
}

/* Add the compressed contents of a file, unless it is stored as it is, if their stream comes before this one. */
static void
add_compact(const struct osd_bulk *bulk, struct osd_file *file, const struct osd_compact **compact,
	    const struct osd_tree_stream *before)
{
	struct osd_attribute *attribute;

	if (*compact == NULL ||
	    (before != NULL && osd_names_compare(bulk->fresh.upcase, WOF, WOF_LENGTH, bulk->tree->units + before->name,
						 before->name_length, 0) > 0))
		return;
	attribute = add(file, OSD_DATA);
	attribute->name = WOF;
	attribute->name_length = WOF_LENGTH;
	osd_attribute_set_runs(attribute, &(*compact)->runs, (*compact)->stored, bulk->fresh.cluster_size);
	*compact = NULL;
}

static int
compare_streams(const void *left, const void *right, void *context)
{
	const struct osd_bulk *bulk = context;
	const struct osd_tree_stream *a = &bulk->tree->streams[*(const uint32_t *)left];
	const struct osd_tree_stream *b = &bulk->tree->streams[*(const uint32_t *)right];

	return osd_names_compare(bulk->fresh.upcase, bulk->tree->units + a->name, a->name_length,
				 bulk->tree->units + b->name, b->name_length, 0);
}

/* Sort the named streams of a file; return whether two of them have one name. */
static int
sort_streams(const struct osd_bulk *bulk, const struct osd_tree_inode *inode, uint32_t *streams)
{
	uint32_t count = inode->stream_count - 1;

	for (uint32_t i = 0; i < count; i++)
		streams[i] = inode->first_stream + 1 + i;
	qsort_r(streams, count, sizeof(*streams), compare_streams, (void *)(uintptr_t)bulk);
	for (uint32_t i = 1; i < count; i++)
		if (compare_streams(&streams[i - 1], &streams[i], (void *)(uintptr_t)bulk) == 0)
			return 1;
	return 0;
}

/* Tell whether two streams of a file have one name for NTFS: 1, 0, or -1 without memory. */
int
osd_file_has_twin_streams(const struct osd_bulk *bulk, const struct osd_tree_inode *inode)
{
	uint32_t *streams;
	int found;

	if (inode->stream_count < 3)
		return 0;
	streams = calloc(inode->stream_count, sizeof(*streams));
	if (streams == NULL)
		return -1;
	found = sort_streams(bulk, inode, streams);
	free(streams);
	return found;
}

static int
add_index(struct osd_bulk *bulk, struct osd_file *file, uint32_t number)
{
	const struct osd_folder_index *folder = &bulk->folders[bulk->folder_of[number]];
	uint8_t *root = new_value(file, folder->root_size), *bits;
	size_t size = round_up(folder->blocks, 64) / 8;
	struct osd_attribute *attribute = add_value(file, OSD_INDEX_ROOT, root, folder->root_size);

	attribute->name = I30;
	attribute->name_length = 4;
	/* New files in it are compressed. */
	if (flags_of(bulk, &bulk->tree->inodes[number]) & ATTRIBUTE_COMPRESSED)
		attribute->flags = OSD_IS_COMPRESSED;
	if (folder->blocks > 0) {
		attribute = add(file, OSD_INDEX_ALLOCATION);
		attribute->name = I30;
		attribute->name_length = 4;
		osd_attribute_set_runs(attribute, &folder->runs, (uint64_t)folder->blocks * bulk->fresh.block_size,
			 bulk->fresh.cluster_size);
		attribute = add(file, OSD_BITMAP);
		attribute->name = I30;
		attribute->name_length = 4;
		if (folder->bitmap.count > 0) {
			osd_attribute_set_runs(attribute, &folder->bitmap, size, bulk->fresh.cluster_size);
		} else {
			bits = memset(new_value(file, size), 0, size);
			for (uint32_t i = 0; i < folder->blocks; i++)
				bits[i / 8] |= (uint8_t)(1 << i % 8);
			attribute->value = bits;
			attribute->size = (uint32_t)size;
		}
	}
	return osd_folder_build(bulk, folder, root, folder->root_size);
}

/* Collect the attributes of a file, in their order; the blocks of a directory are written.  0 or an errno. */
int
osd_file_collect(struct osd_bulk *bulk, struct osd_file *file, uint32_t number)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	int is_folder = osd_is_folder(inode), is_reparse = osd_is_reparse(inode);
	int error = reserve(bulk, file, inode);
	const struct osd_compact *compact = osd_compact_of(bulk, inode);
	int is_compact = compact != NULL;
	const uint8_t *own = NULL;
	uint8_t *value;

	if (error != 0)
		return error;
	value = new_value(file, OSD_STANDARD_BYTES);
	put_standard_information(bulk, number, value);
	add_value(file, OSD_STANDARD_INFORMATION, value, OSD_STANDARD_BYTES);
	add_names(bulk, file, number);
	if (inode->object_id != OSD_NONE)
		add_value(file, OSD_OBJECT_ID, bulk->tree->object_ids + (size_t)inode->object_id * OSD_OBJECT_ID_BYTES,
			  OSD_OBJECT_KEY);
	if (number == 0 && inode->descriptor == OSD_NONE)
		own = osd_record_find(osd_fresh_record(&bulk->fresh, OSD_FILE_ROOT), OSD_SECURITY_DESCRIPTOR, "");
	if (own != NULL)
		add(file, OSD_SECURITY_DESCRIPTOR)->raw = own;
	if (!is_folder && is_reparse)
		add(file, OSD_DATA);
	else if (!is_folder)
		error = add_stream(bulk, file, inode->first_stream, OSD_DATA);
	sort_streams(bulk, inode, file->streams);
	for (uint32_t i = 0; error == 0 && i + 1 < inode->stream_count; i++) {
		add_compact(bulk, file, &compact, &bulk->tree->streams[file->streams[i]]);
		error = add_stream(bulk, file, file->streams[i], OSD_DATA);
	}
	if (error == 0)
		add_compact(bulk, file, &compact, NULL);
	if (error == 0 && is_folder)
		error = add_index(bulk, file, number);
	if (error == 0 && is_reparse)
		error = add_stream(bulk, file, inode->first_stream, OSD_REPARSE_POINT);
	if (error == 0 && is_compact) {
		value = new_value(file, OSD_COMPACT_POINT);
		osd_compact_point(bulk, value);
		add_value(file, OSD_REPARSE_POINT, value, OSD_COMPACT_POINT);
	}
	for (size_t i = 0; i < file->count; i++)
		osd_attribute_measure(&file->attributes[i]);
	return error;
}

/* Make what osd_file_encode() works with; NULL without memory. */
struct osd_file *
osd_file_new(void)
{
	return calloc(1, sizeof(struct osd_file));
}

void
osd_file_free(struct osd_file *file)
{
	if (file == NULL)
		return;
	for (size_t i = 0; i < file->late_room; i++)
		osd_extents_release(&file->late[i]);
	free(file->late);
	free(file->attributes);
	free(file->values);
	free(file->single);
	free(file->streams);
	free(file->list);
	free(file->extensions);
	free(file);
}
