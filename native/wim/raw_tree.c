/*
 * What the tree of an image refers to, counted from the tree as it is stored.
 *
 * Only trees that libwim takes as they are: what it would mend, drop or refuse is left to it.  Everything is compared
 * with the size of the tree, and each place is an entry once at most.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "fail.h"
#include "wim/raw_copy.h"

#define DENTRY_BYTES 102
#define STREAM_BYTES 38
#define LONGEST_NAME_BYTES 510
/* What is deeper is libwim's to judge. */
#define DEEPEST 1000

enum { ATTRIBUTE_DIRECTORY = 0x10, ATTRIBUTE_REPARSE_POINT = 0x400 };

static uint64_t
get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

static uint64_t
padded(uint64_t size)
{
	return (size + 7) & ~UINT64_C(7);
}

/* A list of entries that is still to be walked. */
struct list {
	uint64_t at;
	uint32_t depth;
};

/* An entry whose name was met, and the list that it is in, by the begin of both. */
struct met {
	uint64_t entry;
	uint64_t list;
};

struct walk {
	const uint8_t *tree;
	size_t size;
	uint32_t descriptors;		/* of security */
	struct list *lists;
	size_t count;
	size_t capacity;
	uint8_t *is_entry;		/* a bit for each place where one may begin: two directories have no list together */
	struct met *names;
	size_t slots;			/* a power of two */
	int may_miss;
	int has_folder_streams;
};

/* Tell whether libwim would keep a name; what it drops or refuses is told by libwim. */
static int
is_kept(const uint8_t *name, size_t bytes)
{
	size_t dots = 0;

	if (bytes % 2 != 0 || bytes > LONGEST_NAME_BYTES)
		return 0;
	for (size_t i = 0; i < bytes; i += 2) {
		if (name[i + 1] == 0 && (name[i] == 0 || name[i] == '/'))
			return 0;
		dots += name[i + 1] == 0 && name[i] == '.';
	}
	return !(dots * 2 == bytes && dots >= 1 && dots <= 2);
}

static int
push(struct walk *walk, uint64_t at, uint32_t depth)
{
	if (depth > DEEPEST)
		return fail(EBADMSG);
	if (walk->count == walk->capacity) {
		size_t capacity = walk->capacity > 0 ? walk->capacity * 2 : 256;
		struct list *grown = reallocarray(walk->lists, capacity, sizeof(*grown));

		if (grown == NULL)
			return fail(ENOMEM);
		walk->lists = grown;
		walk->capacity = capacity;
	}
	walk->lists[walk->count++] = (struct list){ .at = at, .depth = depth };
	return 0;
}

static size_t
name_of(const struct walk *walk, uint64_t entry, const uint8_t **name)
{
	*name = walk->tree + entry + DENTRY_BYTES;
	return (size_t)get(walk->tree + entry + 100, 2);
}

/* Remember the name of an entry; -1 with EBADMSG when its list has that name already. */
static int
meet(struct walk *walk, uint64_t entry, uint64_t list)
{
	/* Another in each process: names cannot be chosen so that all of them meet in one place of the table. */
	const void *seed = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	const uint8_t *name, *other;
	size_t length = name_of(walk, entry, &name), slot;
	uint64_t hash = 0;

	if (seed != NULL)
		memcpy(&hash, seed, sizeof(hash));
	hash ^= list;
	for (size_t i = 0; i < length; i++) {
		hash = (hash ^ name[i]) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	for (slot = hash & (walk->slots - 1); walk->names[slot].entry != 0; slot = (slot + 1) & (walk->slots - 1))
		if (walk->names[slot].list == list && name_of(walk, walk->names[slot].entry, &other) == length &&
		    memcmp(name, other, length) == 0)
			return fail(EBADMSG);
	walk->names[slot] = (struct met){ .entry = entry, .list = list };
	return 0;
}

/* Tell whether libwim takes an entry as it is: what it mends, drops or refuses is its to tell. */
static int
is_sound(struct walk *walk, uint64_t at, int is_root)
{
	const uint8_t *entry = walk->tree + at, *name;
	size_t bytes = name_of(walk, at, &name);
	uint64_t length = get(entry, 8), children = get(entry + 16, 8);
	uint32_t security = (uint32_t)get(entry + 12, 4);
	unsigned kind = (unsigned)get(entry + 8, 4) & (ATTRIBUTE_DIRECTORY | ATTRIBUTE_REPARSE_POINT);

	if (length < DENTRY_BYTES + bytes || length > walk->size - at || !is_kept(name, bytes))
		return 0;
	if ((bytes == 0) != is_root || (is_root && (kind & ATTRIBUTE_DIRECTORY) == 0))
		return 0;
	if (security != UINT32_MAX && security >= walk->descriptors)
		return 0;
	if (children % 8 != 0 || (children != 0 && kind != ATTRIBUTE_DIRECTORY))
		return 0;
	if (walk->is_entry[at / 64] >> at / 8 % 8 & 1)
		return 0;
	walk->is_entry[at / 64] |= (uint8_t)(1 << at / 8 % 8);
	return 1;
}

/* Count what one entry refers to; *at becomes where its streams end. */
static int
count_entry(struct osd_raw *raw, struct walk *walk, uint64_t *at)
{
	const uint8_t *entry = walk->tree + *at;
	unsigned streams = (unsigned)get(entry + 96, 2);

	if (streams > 0 && (get(entry + 8, 4) & ATTRIBUTE_DIRECTORY) != 0)
		walk->has_folder_streams = 1;
	if (osd_raw_refer(raw, entry + 64, walk->may_miss) != 0)
		return -1;
	*at += padded(get(entry, 8));
	for (; streams > 0; streams--) {
		uint64_t size;

		if (*at > walk->size || walk->size - *at < STREAM_BYTES)
			return fail(EBADMSG);
		size = get(walk->tree + *at, 8);
		if (size < STREAM_BYTES || size > walk->size - *at)
			return fail(EBADMSG);
		if (osd_raw_refer(raw, walk->tree + *at + 16, walk->may_miss) != 0)
			return -1;
		*at += padded(size);
	}
	return 0;
}

static int
count_list(struct osd_raw *raw, struct walk *walk, struct list list, int is_root)
{
	uint64_t at = list.at;

	/* A list at the end of the tree may lack the zeros that end it, as libwim allows. */
	while (at < walk->size && walk->size - at >= 8 && get(walk->tree + at, 8) > 8) {
		uint64_t entry = at, children;

		if (walk->size - at < DENTRY_BYTES || !is_sound(walk, at, is_root))
			return fail(EBADMSG);
		if (meet(walk, entry, list.at) != 0 || count_entry(raw, walk, &at) != 0)
			return -1;
		children = get(walk->tree + entry + 16, 8);
		if (children != 0 && push(walk, children, list.depth + 1) != 0)
			return -1;
		if (is_root)
			break;
	}
	return 0;
}

/*
 * Want what a tree refers to; with may_miss what is not in the table is in another file.  Returns 1 when a folder has
 * entries for streams, 0 when none has, or -1 with errno: ENODATA when something is missing, EBADMSG when the tree is not
 * one that libwim takes whole, ENOMEM.
 */
int
osd_raw_add_tree(struct osd_raw *raw, const uint8_t *tree, size_t size, int may_miss)
{
	struct walk walk = { .tree = tree, .size = size, .may_miss = may_miss };
	uint64_t root;
	int result = 0;

	if (size < 8)
		return fail(EBADMSG);
	root = padded(get(tree, 4) < 8 ? 8 : get(tree, 4));
	if (root > size || size - root < DENTRY_BYTES)
		return fail(EBADMSG);
	walk.descriptors = (uint32_t)get(tree + 4, 4);
	for (walk.slots = 16; walk.slots < size / DENTRY_BYTES * 2; walk.slots *= 2)
		;
	walk.is_entry = calloc(1, size / 64 + 1);
	walk.names = calloc(walk.slots, sizeof(*walk.names));
	if (walk.is_entry == NULL || walk.names == NULL)
		result = fail(ENOMEM);
	else if (push(&walk, root, 0) != 0)
		result = -1;
	for (int is_root = 1; result == 0 && walk.count > 0; is_root = 0)
		result = count_list(raw, &walk, walk.lists[--walk.count], is_root);
	free(walk.is_entry);
	free(walk.names);
	free(walk.lists);
	return result == 0 ? walk.has_folder_streams : -1;
}
