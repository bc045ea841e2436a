/*
 * Whether the tree of an image, as it is stored, is one that libwim takes as it is.
 *
 * What libwim would mend, drop or refuse is left to it, and so is what can be read in two ways: which of two streams
 * without a name are the contents, which of two names of a file tells its times.  Every length is compared with the size of
 * the tree, and each place is an entry once at most, so that a walk over a tree that was found sound needs no check.
 *
 * Sources: "Windows Imaging File Format (WIM)", Microsoft 2007; libwim 1.13 and 1.14 (dentry.c, security.c,
 * inode_fixup.c) for what it mends.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/walk.h"

enum {
	IS_FOLDER = 0x10,
	IS_REPARSE = 0x400,
	IS_ENCRYPTED = 0x4000,
	LONGEST_NAME = 510,		/* in bytes */
	LONGEST_SHORT_NAME = 24,
	HASH_BYTES = 20,
};

/* Tell whether libwim keeps a name: it ends names at a zero, and drops "." and "..". */
static int
is_name(const uint8_t *name, size_t bytes)
{
	size_t dots = 0;

	if (bytes % 2 != 0)
		return 0;
	for (size_t i = 0; i < bytes; i += 2) {
		if (get16(name + i) == 0 || get16(name + i) == '/')
			return 0;
		dots += get16(name + i) == '.';
	}
	return dots == 0 || dots * 2 != bytes || dots > 2;
}

/* ---- descriptors */

/* Find the descriptors.  0, EBADMSG or ENOMEM. */
static int
find_descriptors(struct osd_walk *walk)
{
	uint32_t count;
	uint64_t end, total;

	if (walk->size < 8)
		return EBADMSG;
	/* A length of 0 means that of its own head. */
	total = round_up(get32(walk->tree), 8);
	total = total == 0 ? 8 : total;
	count = get32(walk->tree + 4);
	if (total > walk->size || count > (total - 8) / 8)
		return EBADMSG;
	walk->root = total;
	walk->descriptors = malloc(((size_t)count + 1) * sizeof(*walk->descriptors));
	if (walk->descriptors == NULL)
		return ENOMEM;
	walk->descriptor_count = count;
	end = 8 + 8 * (uint64_t)count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t size = get64(walk->tree + 8 + 8 * (size_t)i);

		walk->descriptors[i] = end;
		if (size > total - end)
			return EBADMSG;
		end += size;
	}
	walk->descriptors[count] = end;
	return round_up(end, 8) == total ? 0 : EBADMSG;
}

/* ---- streams */

/*
 * Go over the streams of an entry and tell where they end.  Of those without a name, what is in the entry itself among
 * them, one is the contents; a reparse point has its data, and behind them contents of nothing.  0 or EBADMSG.
 */
static int
check_streams(const struct osd_walk *walk, size_t entry, uint64_t *end)
{
	const uint8_t *stored = walk->tree + entry;
	int is_reparse = (get32(stored + OSD_ENTRY_ATTRIBUTES) & IS_REPARSE) != 0;
	unsigned unnamed = osd_walk_has_hash(stored + OSD_ENTRY_HASH) != 0;
	uint64_t at = entry + osd_walk_next(stored);

	for (unsigned left = get16(stored + OSD_ENTRY_STREAMS); left > 0; left--) {
		const uint8_t *stream = walk->tree + at;
		uint64_t length;
		size_t name;

		if (at > walk->size || walk->size - at < OSD_STREAM_BYTES)
			return EBADMSG;
		length = get64(stream);
		name = get16(stream + OSD_STREAM_NAME);
		if (length > walk->size - at || osd_walk_next(stream) > walk->size - at || length < OSD_STREAM_BYTES + name ||
		    name > LONGEST_NAME || !is_name(stream + OSD_STREAM_BYTES, name))
			return EBADMSG;
		if (name == 0) {
			unnamed++;
			if (unnamed > 1 && (!is_reparse || unnamed > 2 || osd_walk_has_hash(stream + OSD_STREAM_HASH)))
				return EBADMSG;
		}
		at += osd_walk_next(stream);
	}
	*end = at;
	return 0;
}

/* ---- names of one file */

/* Return the group of an entry; NULL when it is in none. */
struct osd_walk_group *
osd_walk_group_of(struct osd_walk *walk, const uint8_t *entry)
{
	uint64_t id = get64(entry + OSD_ENTRY_TAG), hash;
	const struct osd_map *map = &walk->group_map;
	size_t slot;

	if (get32(entry + OSD_ENTRY_ATTRIBUTES) & IS_REPARSE || id == 0)
		return NULL;
	hash = osd_map_hash(&walk->group_map, &id, sizeof(id));
	for (uint32_t each = osd_map_first(map, hash, &slot); each != OSD_MAP_NONE; each = osd_map_next(map, hash, &slot))
		if (walk->groups[each].id == id)
			return &walk->groups[each];
	return NULL;
}

/* Whether two entries that are names of one file say the same of it. */
static int
is_same_file(const struct osd_walk *walk, size_t left, uint64_t left_end, size_t right, uint64_t right_end)
{
	const uint8_t *a = walk->tree + left, *b = walk->tree + right;
	size_t a_items = osd_walk_items(a), b_items = osd_walk_items(b);

	return (get32(a + OSD_ENTRY_ATTRIBUTES) & IS_FOLDER) == 0 &&
	       memcmp(a + OSD_ENTRY_ATTRIBUTES, b + OSD_ENTRY_ATTRIBUTES, OSD_ENTRY_SHORT_NAME - OSD_ENTRY_ATTRIBUTES) == 0 &&
	       left_end - left - a_items == right_end - right - b_items &&
	       memcmp(a + a_items, b + b_items, left_end - left - a_items) == 0;
}

/* Count an entry in its group, if it is in one.  0, EBADMSG or ENOMEM. */
static int
count_link(struct osd_walk *walk, size_t at, uint64_t end)
{
	const uint8_t *entry = walk->tree + at;
	uint64_t id = get64(entry + OSD_ENTRY_TAG), first_end;
	struct osd_walk_group *group;

	if (get32(entry + OSD_ENTRY_ATTRIBUTES) & IS_REPARSE || id == 0)
		return 0;
	group = osd_walk_group_of(walk, entry);
	if (group != NULL) {
		if (check_streams(walk, group->entry, &first_end) != 0 ||
		    !is_same_file(walk, group->entry, first_end, at, end))
			return EBADMSG;
		group->links++;
		return 0;
	}
	if (walk->group_count == walk->group_room) {
		uint32_t room = walk->group_room > 0 ? walk->group_room * 2 : 256;

		group = reallocarray(walk->groups, room, sizeof(*group));
		if (group == NULL)
			return ENOMEM;
		walk->groups = group;
		walk->group_room = room;
	}
	walk->groups[walk->group_count] = (struct osd_walk_group){ .id = id, .entry = at, .links = 1 };
	return osd_map_add(&walk->group_map, osd_map_hash(&walk->group_map, &id, sizeof(id)), walk->group_count++);
}

/* ---- entries */

/* Whether the fields of an entry are such that it is taken as it is. */
static int
is_entry(const struct osd_walk *walk, size_t at, int is_root)
{
	const uint8_t *entry = walk->tree + at;
	uint64_t length = get64(entry), children = get64(entry + OSD_ENTRY_CHILDREN);
	size_t name = get16(entry + OSD_ENTRY_NAME), short_name = get16(entry + OSD_ENTRY_SHORT_NAME);
	uint32_t attributes = get32(entry + OSD_ENTRY_ATTRIBUTES), security = get32(entry + OSD_ENTRY_SECURITY);
	int is_folder = (attributes & (IS_FOLDER | IS_REPARSE)) == IS_FOLDER;

	if (length > walk->size - at || osd_walk_next(entry) > walk->size - at || name > LONGEST_NAME ||
	    short_name > LONGEST_SHORT_NAME)
		return 0;
	/* Its names, and the zero behind each. */
	if (osd_walk_next(entry) < OSD_ENTRY_BYTES + (name > 0 ? name + 2 : 0) + (short_name > 0 ? short_name + 2 : 0))
		return 0;
	if ((name == 0) != is_root || (is_root && (short_name > 0 || !is_folder)))
		return 0;
	if (!is_name(entry + OSD_ENTRY_BYTES, name) || !is_name(entry + OSD_ENTRY_BYTES + name + 2, short_name))
		return 0;
	if (security != UINT32_MAX && security >= walk->descriptor_count)
		return 0;
	return (attributes & IS_ENCRYPTED) == 0 && children % 8 == 0 && (children == 0 || is_folder);
}

static int
check_entry(struct osd_walk *walk, size_t at, size_t depth)
{
	uint64_t end;
	int error;

	if (at % 8 != 0 || walk->size - at < OSD_ENTRY_BYTES || !is_entry(walk, at, depth == 0))
		return EBADMSG;
	if (walk->is_entry[at / 64] >> at / 8 % 8 & 1)
		return EBADMSG;
	walk->is_entry[at / 64] |= (uint8_t)(1 << at / 8 % 8);
	error = check_streams(walk, at, &end);
	return error != 0 ? error : count_link(walk, at, end);
}

/* See whether a tree is one.  0; EBADMSG when that is libwim's to tell; ENOMEM. */
int
osd_walk_sound(struct osd_walk *walk)
{
	int error = find_descriptors(walk);

	if (error != 0)
		return error;
	walk->is_entry = calloc(1, walk->size / 64 + 1);
	return walk->is_entry == NULL ? ENOMEM : osd_walk_entries(walk, check_entry);
}
