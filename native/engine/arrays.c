/*
 * The tree of an image as arrays, from one pass over it, in which it is audited too.
 *
 * Entry by entry, the tree is told by osd_walk(), or where something is to be repaired by wimlib_iterate_dir_tree().  It is
 * put into arrays of plain numbers, so that whoever plans where all of it goes passes over it as often as it likes.  Names
 * become UTF-16 again, half surrogate pairs too, as they are in the file.
 */
#define _GNU_SOURCE
#include "engine/arrays.h"
#include "engine/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wimlib.h>

#include "wim/audit.h"
#include "wim/blob_table.h"
#include "wim/names.h"

/* Seconds from 1601 to 1970. */
#define EPOCH 11644473600
#define LARGEST_NAME 255
#define LARGEST_SHORT_NAME 12
/* An array grows to a power of two of its items; so its count tells how many have room. */
#define FIRST_CAPACITY 256

/* Make room for more items of an array: 0, ENOMEM or EOVERFLOW.  Its pointer is that of the caller's member. */
static int
make_room(void *member, uint32_t count, size_t more, size_t size)
{
	uint64_t needed = (uint64_t)count + more, before = FIRST_CAPACITY, capacity;
	void *array, *grown;

	if (needed >= OSD_NONE)
		return EOVERFLOW;
	while (before < count)
		before *= 2;
	for (capacity = before; capacity < needed;)
		capacity *= 2;
	memcpy(&array, member, sizeof(array));
	if (array != NULL && capacity == before)
		return 0;
	grown = reallocarray(array, capacity, size);
	if (grown == NULL)
		return ENOMEM;
	memcpy(member, &grown, sizeof(grown));
	return 0;
}

/* Add a text of UTF-8 as units; 0 or an errno.  EBADMSG: it is longer than it may be. */
static int
add_units(struct osd_tree *tree, const char *text, size_t most, uint32_t *at, uint8_t *length)
{
	const char *end = text + strlen(text);
	int error = make_room(&tree->units, tree->unit_count, most + 1, sizeof(*tree->units));
	uint32_t begin = tree->unit_count, used = begin;

	while (error == 0 && text < end) {
		uint32_t character = osd_next_character(&text, end);

		if (used - begin + (character >= 0x10000) >= most) {
			error = EBADMSG;
		} else if (character >= 0x10000) {
			tree->units[used++] = (uint16_t)(0xD800 + ((character - 0x10000) >> 10));
			tree->units[used++] = (uint16_t)(0xDC00 + (character & 0x3FF));
		} else {
			tree->units[used++] = (uint16_t)character;
		}
	}
	if (error != 0)
		return error;
	*at = begin;
	*length = (uint8_t)(used - begin);
	tree->unit_count = used;
	return 0;
}

static uint64_t
filetime(const struct timespec *time)
{
	return ((uint64_t)time->tv_sec + EPOCH) * 10000000 + (uint64_t)time->tv_nsec / 100;
}

/* ---- descriptors */

/* Return the descriptor of these bytes, which becomes one if it is new.  0 or an errno. */
static int
find_descriptor(struct osd_tree *tree, const char *bytes, size_t size, uint32_t *number)
{
	uint64_t hash = osd_map_hash(&tree->descriptor_map, bytes, size);
	struct osd_tree_descriptor *found;
	size_t slot;
	int error;

	for (uint32_t each = osd_map_first(&tree->descriptor_map, hash, &slot); each != OSD_MAP_NONE;
	     each = osd_map_next(&tree->descriptor_map, hash, &slot)) {
		found = &tree->descriptors[each];
		if (found->size == size && memcmp(tree->bytes + found->at, bytes, size) == 0) {
			*number = each;
			return 0;
		}
	}
	if (size > UINT32_MAX)
		return EOVERFLOW;
	error = make_room(&tree->descriptors, tree->descriptor_count, 1, sizeof(*tree->descriptors));
	if (error == 0)
		error = osd_map_add(&tree->descriptor_map, hash, tree->descriptor_count);
	if (error != 0)
		return error;
	if (size > tree->byte_capacity - tree->byte_count) {
		size_t capacity = 2 * (tree->byte_count + size) + FIRST_CAPACITY;
		uint8_t *grown = realloc(tree->bytes, capacity);

		if (grown == NULL)
			return ENOMEM;
		tree->bytes = grown;
		tree->byte_capacity = capacity;
	}
	memcpy(tree->bytes + tree->byte_count, bytes, size);
	tree->descriptors[tree->descriptor_count] =
		(struct osd_tree_descriptor){ .at = tree->byte_count, .size = (uint32_t)size };
	tree->byte_count += size;
	*number = tree->descriptor_count++;
	return 0;
}

/* libwim has each descriptor of the image once, so most are known by their address. */
static int
add_descriptor(struct osd_tree *tree, const struct wimlib_dir_entry *entry, uint32_t *number)
{
	const char *bytes = entry->security_descriptor;
	uint64_t hash;
	size_t slot;
	int error;

	*number = OSD_NONE;
	if (bytes == NULL)
		return 0;
	hash = osd_map_hash(&tree->pointer_map, &bytes, sizeof(bytes));
	for (uint32_t each = osd_map_first(&tree->pointer_map, hash, &slot); each != OSD_MAP_NONE;
	     each = osd_map_next(&tree->pointer_map, hash, &slot)) {
		if (tree->pointers[each] == bytes) {
			*number = tree->pointer_descriptors[each];
			return 0;
		}
	}
	error = find_descriptor(tree, bytes, entry->security_descriptor_size, number);
	if (error == 0)
		error = make_room(&tree->pointers, tree->pointer_count, 1, sizeof(*tree->pointers));
	if (error == 0)
		error = make_room(&tree->pointer_descriptors, tree->pointer_count, 1, sizeof(*tree->pointer_descriptors));
	if (error == 0)
		error = osd_map_add(&tree->pointer_map, hash, tree->pointer_count);
	if (error != 0)
		return error;
	tree->pointers[tree->pointer_count] = bytes;
	tree->pointer_descriptors[tree->pointer_count++] = *number;
	return 0;
}

/* ---- streams */

static uint32_t
find_blob(struct osd_tree *tree, const uint8_t *sha1)
{
	uint64_t hash = osd_map_hash(&tree->blob_map, sha1, sizeof(tree->blobs->sha1));
	size_t slot;

	for (uint32_t each = osd_map_first(&tree->blob_map, hash, &slot); each != OSD_MAP_NONE;
	     each = osd_map_next(&tree->blob_map, hash, &slot))
		if (memcmp(tree->blobs[each].sha1, sha1, sizeof(tree->blobs->sha1)) == 0)
			return each;
	return OSD_NONE;
}

static int
add_stream(struct osd_tree *tree, const struct wimlib_stream_entry *entry)
{
	static const uint8_t zeros[sizeof(tree->blobs->sha1)];
	struct osd_tree_stream *stream;
	int error = make_room(&tree->streams, tree->stream_count, 1, sizeof(*tree->streams));

	if (error != 0)
		return error;
	stream = &tree->streams[tree->stream_count];
	*stream = (struct osd_tree_stream){
		.size = entry->resource.uncompressed_size,
		.blob = OSD_NONE,
		.inode = tree->inode_count,
	};
	if (memcmp(entry->resource.sha1_hash, zeros, sizeof(zeros)) != 0)
		stream->blob = find_blob(tree, entry->resource.sha1_hash);
	if (stream->blob != OSD_NONE)
		stream->size = tree->blobs[stream->blob].size;
	else
		stream->is_elsewhere = stream->size > 0 || entry->resource.is_missing;
	if (entry->stream_name != NULL)
		error = add_units(tree, entry->stream_name, LARGEST_NAME + 1, &stream->name, &stream->name_length);
	if (error == 0)
		tree->stream_count++;
	return error;
}

/* ---- files and names */

static int
add_object_id(struct osd_tree *tree, const struct wimlib_dir_entry *entry, uint32_t *number)
{
	static const uint8_t zeros[WIMLIB_GUID_LEN];
	int error;

	*number = OSD_NONE;
	if (memcmp(entry->object_id.object_id, zeros, sizeof(zeros)) == 0)
		return 0;
	error = make_room(&tree->object_ids, tree->object_id_count, 1, OSD_OBJECT_ID_BYTES);
	if (error != 0)
		return error;
	memcpy(tree->object_ids + (size_t)tree->object_id_count * OSD_OBJECT_ID_BYTES, &entry->object_id,
	       OSD_OBJECT_ID_BYTES);
	*number = tree->object_id_count++;
	return 0;
}

static int
add_inode(struct osd_tree *tree, const struct wimlib_dir_entry *entry)
{
	struct osd_tree_inode *inode;
	int error = make_room(&tree->inodes, tree->inode_count, 1, sizeof(*tree->inodes));

	if (error != 0)
		return error;
	inode = &tree->inodes[tree->inode_count];
	*inode = (struct osd_tree_inode){
		.created = filetime(&entry->creation_time),
		.modified = filetime(&entry->last_write_time),
		.accessed = filetime(&entry->last_access_time),
		.attributes = entry->attributes,
		.reparse_tag = entry->attributes & WIMLIB_FILE_ATTRIBUTE_REPARSE_POINT ? entry->reparse_tag : 0,
		.first_stream = tree->stream_count,
		.first_link = OSD_NONE,
	};
	error = add_descriptor(tree, entry, &inode->descriptor);
	if (error == 0)
		error = add_object_id(tree, entry, &inode->object_id);
	for (uint32_t i = 0; error == 0 && i <= entry->num_named_streams; i++)
		error = add_stream(tree, &entry->streams[i]);
	inode->stream_count = tree->stream_count - inode->first_stream;
	if (error == 0)
		tree->inode_count++;
	return error;
}

/* Find the file of an entry by its other names, or add it. */
static int
find_inode(struct osd_tree *tree, const struct wimlib_dir_entry *entry, uint32_t *number)
{
	uint64_t group = entry->hard_link_group_id, hash;
	size_t slot;
	int error;

	*number = tree->inode_count;
	if (entry->num_links < 2 || group == 0)
		return add_inode(tree, entry);
	hash = osd_map_hash(&tree->inode_map, &group, sizeof(group));
	/* libwim numbers the groups; 64 bits of hash of them are as good. */
	*number = osd_map_first(&tree->inode_map, hash, &slot);
	if (*number != OSD_MAP_NONE)
		return 0;
	*number = tree->inode_count;
	error = osd_map_add(&tree->inode_map, hash, tree->inode_count);
	return error != 0 ? error : add_inode(tree, entry);
}

/* Remember the entry of a depth, and tell its parent. */
static int
place(struct osd_tree *tree, size_t depth, uint32_t *parent)
{
	int error;

	if (depth == 0) {
		*parent = OSD_NONE;
		if (tree->entry_count > 0)
			return EBADMSG;
	} else if (depth > tree->above_count) {
		return EBADMSG;
	} else {
		*parent = tree->above[depth - 1];
	}
	error = make_room(&tree->above, (uint32_t)depth, 1, sizeof(*tree->above));
	if (error != 0)
		return error;
	tree->above[depth] = tree->entry_count;
	tree->above_count = (uint32_t)depth + 1;
	return 0;
}

static int
add_entry(struct osd_tree *tree, const struct wimlib_dir_entry *entry)
{
	struct osd_tree_entry *added;
	struct osd_tree_inode *inode;
	int error = make_room(&tree->entries, tree->entry_count, 1, sizeof(*tree->entries));

	if (error != 0)
		return error;
	added = &tree->entries[tree->entry_count];
	*added = (struct osd_tree_entry){ .next_link = OSD_NONE };
	error = place(tree, entry->depth, &added->parent);
	if (error == 0 && entry->filename != NULL)
		error = add_units(tree, entry->filename, LARGEST_NAME + 1, &added->name, &added->name_length);
	if (error == 0 && entry->dos_name != NULL)
		error = add_units(tree, entry->dos_name, LARGEST_SHORT_NAME + 1, &added->short_name, &added->short_length);
	if (error == 0)
		error = find_inode(tree, entry, &added->inode);
	if (error != 0)
		return error;
	inode = &tree->inodes[added->inode];
	added->next_link = inode->first_link;
	inode->first_link = tree->entry_count++;
	inode->link_count++;
	return 0;
}

/*
 * Callback of both: audits one entry and adds it, until one cannot be added.  What is audited must be
 * all of the tree, so it always goes on.
 */
int
osd_tree_add(const struct wimlib_dir_entry *entry, void *context)
{
	struct osd_tree_pass *pass = context;

	if (pass->tree->error == 0)
		pass->tree->error = add_entry(pass->tree, entry);
	return osd_audit_entry(entry, pass->audit);
}

static const struct osd_blob *
blob_of_tree(void *context, const uint8_t *sha1)
{
	struct osd_tree *tree = context;
	uint32_t number = find_blob(tree, sha1);

	return number == OSD_NONE ? NULL : &tree->blobs[number];
}

/* Go over a tree as it is stored, whose contents are in the blobs of a tree that was begun; see osd_walk(). */
int
osd_tree_walk(struct osd_tree *tree, const uint8_t *stored, size_t size,
	      int (*each)(const struct wimlib_dir_entry *entry, void *context), void *context)
{
	return osd_walk(stored, size, blob_of_tree, tree, each, context);
}

/* Begin a tree whose contents are in these blobs, which must stay.  0 or an errno; it must be released. */
int
osd_tree_begin(struct osd_tree *tree, const struct osd_blob *blobs, size_t count)
{
	int error = count < OSD_NONE ? 0 : EOVERFLOW;

	memset(tree, 0, sizeof(*tree));
	tree->blobs = blobs;
	tree->blob_count = (uint32_t)count;
	for (uint32_t i = 0; error == 0 && i < tree->blob_count; i++)
		if (!blobs[i].is_metadata && find_blob(tree, blobs[i].sha1) == OSD_NONE)
			error = osd_map_add(&tree->blob_map, osd_map_hash(&tree->blob_map, blobs[i].sha1,
									   sizeof(blobs[i].sha1)), i);
	return error;
}

/* Free what is needed only while a tree is made. */
void
osd_tree_end(struct osd_tree *tree)
{
	osd_map_release(&tree->blob_map);
	osd_map_release(&tree->inode_map);
	osd_map_release(&tree->descriptor_map);
	osd_map_release(&tree->pointer_map);
	free(tree->above);
	free(tree->pointers);
	free(tree->pointer_descriptors);
	tree->above = NULL;
	tree->pointers = NULL;
	tree->pointer_descriptors = NULL;
	tree->above_count = tree->pointer_count = 0;
	if (tree->error == 0 && tree->entry_count == 0)
		tree->error = EBADMSG;
}

/* Free all of a tree. */
void
osd_tree_release(struct osd_tree *tree)
{
	osd_tree_end(tree);
	free(tree->entries);
	free(tree->inodes);
	free(tree->streams);
	free(tree->units);
	free(tree->descriptors);
	free(tree->bytes);
	free(tree->object_ids);
	memset(tree, 0, sizeof(*tree));
}
