/*
 * Entry by entry over the tree of an image as it is stored, as wimlib_iterate_dir_tree() goes over one that it has loaded.
 *
 * libwim's tree takes half a kilobyte of memory for each file, and loading and freeing it most of the time that comes before
 * an apply.  Of a tree that needs no mending, which is nearly every one, the same is told here without it.  Folders come
 * before what is in them, the entries of a folder in the order in which they are stored.
 */
#define _GNU_SOURCE
#include "engine/walk.h"

#include <errno.h>
#include <stdlib.h>

#include <wimlib.h>

#include "wim/blob_table.h"

#define IS_REPARSE 0x400
/* Seconds from 1601 to 1970. */
#define EPOCH 11644473600
/* A unit of UTF-16 has three bytes of UTF-8 at most. */
#define LARGEST_NAME (255 * 3)
#define LARGEST_SHORT_NAME (12 * 3)

/* Tags of what stands behind the names, and the bytes that must be there (libwim's tagged_items.h). */
enum {
	TAG_OBJECT_ID = 1,
	LEAST_OBJECT_ID = 16,
	TAG_UNIX_DATA = 0x337DD873,
	LEAST_UNIX_DATA = 16,
};

/* ---- the walk */

/*
 * Visit all entries of a tree until a visit fails.  A visit must find an entry sound, or know that it is, before it returns
 * 0.  Returns what the last visit did, or EBADMSG for a list that leaves the tree or is too deep.
 */
int
osd_walk_entries(struct osd_walk *walk, int (*visit)(struct osd_walk *walk, size_t at, size_t depth))
{
	size_t depth = 0;
	int error = walk->root + 8 > walk->size ? EBADMSG : visit(walk, walk->root, 0);

	if (error != 0)
		return error;
	walk->lists[0] = get64(walk->tree + walk->root + OSD_ENTRY_CHILDREN);
	if (walk->lists[0] == 0)
		return 0;
	while (error == 0) {
		size_t at = walk->lists[depth];
		const uint8_t *entry;
		uint64_t children;

		if (at > walk->size || walk->size - at < 8)
			return EBADMSG;
		entry = walk->tree + at;
		/* A length of its own bytes ends a list. */
		if (get64(entry) <= 8) {
			if (depth-- == 0)
				break;
			continue;
		}
		error = visit(walk, at, depth + 1);
		if (error != 0)
			break;
		at += osd_walk_next(entry);
		for (unsigned left = get16(entry + OSD_ENTRY_STREAMS); left > 0; left--)
			at += osd_walk_next(walk->tree + at);
		walk->lists[depth] = at;
		children = get64(entry + OSD_ENTRY_CHILDREN);
		if (children != 0) {
			if (++depth == OSD_DEEPEST - 1)
				return EBADMSG;
			walk->lists[depth] = children;
		}
	}
	return error;
}

/* ---- telling entries */

/* Write a name as UTF-8, half surrogate pairs as three bytes, and a zero; return its length. */
static size_t
put_name(char *out, const uint8_t *name, size_t bytes)
{
	char *at = out;

	for (size_t i = 0; i < bytes; i += 2) {
		uint32_t character = get16(name + i);

		if (character >= 0xD800 && character < 0xDC00 && i + 2 < bytes && (get16(name + i + 2) & 0xFC00) == 0xDC00) {
			character = 0x10000 + ((character & 0x3FF) << 10) + (get16(name + i + 2) & 0x3FF);
			i += 2;
			*at++ = (char)(0xF0 | character >> 18);
			*at++ = (char)(0x80 | (character >> 12 & 0x3F));
			*at++ = (char)(0x80 | (character >> 6 & 0x3F));
			*at++ = (char)(0x80 | (character & 0x3F));
		} else if (character >= 0x800) {
			*at++ = (char)(0xE0 | character >> 12);
			*at++ = (char)(0x80 | (character >> 6 & 0x3F));
			*at++ = (char)(0x80 | (character & 0x3F));
		} else if (character >= 0x80) {
			*at++ = (char)(0xC0 | character >> 6);
			*at++ = (char)(0x80 | (character & 0x3F));
		} else {
			*at++ = (char)character;
		}
	}
	*at = '\0';
	return (size_t)(at - out);
}

/* Make room for so many bytes of text.  0 or ENOMEM. */
static int
make_room(char **text, size_t *room, size_t wanted)
{
	char *grown;

	if (wanted <= *room)
		return 0;
	grown = realloc(*text, 2 * wanted);
	if (grown == NULL)
		return ENOMEM;
	*text = grown;
	*room = 2 * wanted;
	return 0;
}

/* Write the path of an entry behind that of its folder. */
static int
tell_path(struct osd_walk *walk, const uint8_t *stored, size_t depth)
{
	size_t begin = depth < 2 ? 0 : walk->path_ends[depth - 1];
	int error = make_room(&walk->path, &walk->path_room, begin + LARGEST_NAME + 2);

	if (error != 0)
		return error;
	walk->path[begin++] = '/';
	walk->path[begin] = '\0';
	if (depth > 0) {
		walk->path_ends[depth] = begin + put_name(walk->path + begin, stored + OSD_ENTRY_BYTES,
							  get16(stored + OSD_ENTRY_NAME));
		walk->entry->filename = walk->path + begin;
	}
	walk->entry->full_path = walk->path;
	return 0;
}

/* Return the first item of a kind that has so many bytes; NULL when there is none. */
static const uint8_t *
find_item(const uint8_t *stored, uint32_t tag, size_t least, size_t *length)
{
	size_t at = osd_walk_items(stored), end = osd_walk_next(stored);

	while (at + 8 + least <= end) {
		uint64_t whole = 8 + round_up(get32(stored + at + 4), 8);

		*length = get32(stored + at + 4);
		if (whole > end - at)
			return NULL;
		if (get32(stored + at) == tag && *length >= least)
			return stored + at + 8;
		at += whole;
	}
	return NULL;
}

static void
tell_items(struct wimlib_dir_entry *entry, const uint8_t *stored)
{
	size_t length;
	const uint8_t *found = find_item(stored, TAG_UNIX_DATA, LEAST_UNIX_DATA, &length);

	if (found != NULL) {
		entry->unix_uid = get32(found);
		entry->unix_gid = get32(found + 4);
		entry->unix_mode = get32(found + 8);
		entry->unix_rdev = get32(found + 12);
	}
	found = find_item(stored, TAG_OBJECT_ID, LEAST_OBJECT_ID, &length);
	if (found != NULL)
		memcpy(&entry->object_id, found, length < sizeof(entry->object_id) ? length : sizeof(entry->object_id));
}

static struct timespec
time_of(const uint8_t *at)
{
	uint64_t time = get64(at);

	return (struct timespec){ .tv_sec = (int64_t)(time / 10000000 - EPOCH), .tv_nsec = (long)(time % 10000000) * 100 };
}

/* What is not in the table is in another file, or nowhere: that is told by who has loaded the tree. */
static int
tell_contents(const struct osd_walk *walk, const uint8_t *hash, struct wimlib_stream_entry *stream)
{
	const struct osd_blob *blob;

	if (!osd_walk_has_hash(hash))
		return 0;
	blob = walk->find(walk->blobs, hash);
	if (blob == NULL)
		return EBADMSG;
	stream->resource.uncompressed_size = blob->size;
	memcpy(stream->resource.sha1_hash, hash, sizeof(stream->resource.sha1_hash));
	return 0;
}

static int
tell_streams(struct osd_walk *walk, const uint8_t *stored)
{
	struct wimlib_dir_entry *entry = walk->entry;
	const uint8_t *at = stored + osd_walk_next(stored);
	int error = tell_contents(walk, stored + OSD_ENTRY_HASH, &entry->streams[0]);
	int has_first = osd_walk_has_hash(stored + OSD_ENTRY_HASH);
	char *names = walk->names;

	for (unsigned left = get16(stored + OSD_ENTRY_STREAMS); error == 0 && left > 0; left--, at += osd_walk_next(at)) {
		size_t bytes = get16(at + OSD_STREAM_NAME);
		struct wimlib_stream_entry *stream = &entry->streams[0];

		if (bytes > 0) {
			stream = &entry->streams[++entry->num_named_streams];
			stream->stream_name = names;
			names += put_name(names, at + OSD_STREAM_BYTES, bytes) + 1;
		} else if (has_first) {
			/* The empty contents of a reparse point. */
			continue;
		} else {
			has_first = 1;
		}
		error = tell_contents(walk, at + OSD_STREAM_HASH, stream);
	}
	return error;
}

/* Make room for an entry with its streams, and their names; all of it is zero.  0 or ENOMEM. */
static int
begin_entry(struct osd_walk *walk, const uint8_t *stored)
{
	uint32_t streams = get16(stored + OSD_ENTRY_STREAMS);
	size_t size = sizeof(*walk->entry) + ((size_t)streams + 1) * sizeof(walk->entry->streams[0]), names = 0;
	const uint8_t *at = stored + osd_walk_next(stored);

	if (walk->entry == NULL || streams > walk->stream_room) {
		struct wimlib_dir_entry *grown = realloc(walk->entry, size);

		if (grown == NULL)
			return ENOMEM;
		walk->entry = grown;
		walk->stream_room = streams;
	}
	memset(walk->entry, 0, size);
	for (uint32_t left = streams; left > 0; left--, at += osd_walk_next(at))
		names += get16(at + OSD_STREAM_NAME) / 2 * 3 + 1;
	return make_room(&walk->names, &walk->names_room, names);
}

static int
tell_entry(struct osd_walk *walk, size_t at, size_t depth)
{
	const uint8_t *stored = walk->tree + at;
	const struct osd_walk_group *group = osd_walk_group_of(walk, stored);
	uint32_t security = get32(stored + OSD_ENTRY_SECURITY);
	char short_name[LARGEST_SHORT_NAME + 1];
	struct wimlib_dir_entry *entry;
	int error = begin_entry(walk, stored);

	if (error == 0)
		error = tell_path(walk, stored, depth);
	if (error != 0)
		return error;
	entry = walk->entry;
	entry->depth = depth;
	entry->attributes = get32(stored + OSD_ENTRY_ATTRIBUTES);
	entry->reparse_tag = entry->attributes & IS_REPARSE ? get32(stored + OSD_ENTRY_TAG) : 0;
	entry->num_links = group == NULL ? 1 : group->links;
	entry->hard_link_group_id = group == NULL ? 0 : group->id;
	entry->creation_time = time_of(stored + OSD_ENTRY_CREATED);
	entry->last_write_time = time_of(stored + OSD_ENTRY_MODIFIED);
	entry->last_access_time = time_of(stored + OSD_ENTRY_ACCESSED);
	if (get16(stored + OSD_ENTRY_SHORT_NAME) > 0) {
		put_name(short_name, stored + OSD_ENTRY_BYTES + get16(stored + OSD_ENTRY_NAME) + 2,
			 get16(stored + OSD_ENTRY_SHORT_NAME));
		entry->dos_name = short_name;
	}
	if (security != UINT32_MAX && walk->descriptors[security + 1] > walk->descriptors[security]) {
		entry->security_descriptor = (const char *)walk->tree + walk->descriptors[security];
		entry->security_descriptor_size = walk->descriptors[security + 1] - walk->descriptors[security];
	}
	tell_items(entry, stored);
	error = tell_streams(walk, stored);
	return error != 0 ? error : walk->each(entry, walk->context);
}

/*
 * Tell every entry of a tree to each, until it fails.  find returns the blob of a hash, or NULL.
 *
 * Returns 0; what each did; ENOMEM; EBADMSG when the tree is not one that libwim takes as it is, or lacks contents: then it
 * must be loaded by libwim to know what it is, even where entries were told already.
 */
int
osd_walk(const uint8_t *tree, size_t size, const struct osd_blob *(*find)(void *blobs, const uint8_t *sha1),
	 void *blobs, int (*each)(const struct wimlib_dir_entry *entry, void *context), void *context)
{
	struct osd_walk *walk = calloc(1, sizeof(*walk));
	int error;

	if (walk == NULL)
		return ENOMEM;
	*walk = (struct osd_walk){
		.tree = tree,
		.size = size,
		.find = find,
		.blobs = blobs,
		.each = each,
		.context = context,
	};
	error = osd_walk_sound(walk);
	if (error == 0)
		error = osd_walk_entries(walk, tell_entry);
	osd_map_release(&walk->group_map);
	free(walk->descriptors);
	free(walk->groups);
	free(walk->is_entry);
	free(walk->entry);
	free(walk->path);
	free(walk->names);
	free(walk);
	return error;
}
