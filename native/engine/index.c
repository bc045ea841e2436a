/*
 * Indexes of NTFS, built from the bottom up: B+trees but for their keys, which are in the inner nodes too.
 *
 * The entries come sorted.  A level is packed into blocks, full ones first; between two blocks of a level one entry moves
 * to the level above, and has the first of them as its child.  The end of a node has the last.  That goes on until what is
 * left fits into the root.  No block is empty: chkdsk would not have it.
 *
 * An index is packed twice, once to know its size before anything is written, then to write it; so nothing of it needs to
 * be kept meanwhile.
 *
 * Source: the Linux-NTFS project's documentation of NTFS, "Index Root", "Index Allocation"; <ntfs-3g/layout.h>.
 */
#include "engine/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/record.h"

#define NO_CHILD UINT64_MAX

/* INDEX_ENTRY and INDEX_HEADER */
enum {
	ENTRY_LENGTH_AT = 8,
	ENTRY_FLAGS_AT = 12,
	ENTRY_HAS_CHILD = 1,
	ENTRY_IS_LAST = 2,
	END_BYTES = 16,
	CHILD_BYTES = 8,
	ROOT_HEAD = 16,			/* of $INDEX_ROOT, before the INDEX_HEADER */
	NODE_HEAD = 16,			/* the INDEX_HEADER */
	BLOCK_NODE_AT = 24,		/* where that is in a block */
	BLOCK_FIXUPS_AT = 40,
};

/* An entry of a level, and the block with what comes before it, by its number. */
struct item {
	size_t entry;
	uint64_t child;
};

struct builder {
	const struct osd_index_input *input;
	uint32_t blocks;
	uint8_t *block;			/* NULL when the index is only measured */
};

static size_t
item_length(const struct builder *builder, const struct item *item)
{
	return builder->input->length(builder->input->context, item->entry) + (item->child == NO_CHILD ? 0 : CHILD_BYTES);
}

static size_t
end_length(uint64_t last)
{
	return END_BYTES + (last == NO_CHILD ? 0 : CHILD_BYTES);
}

/* Where the entries of a block begin. */
static size_t
block_head(uint32_t size)
{
	return round_up(BLOCK_FIXUPS_AT + 2 * (size / OSD_FIXUP_BLOCK + 1), 8);
}

/* The number of a block in the units in which an index counts: clusters, or 512 bytes where a block is smaller. */
static uint64_t
vcn_of(const struct osd_index_input *input, uint64_t block)
{
	uint32_t unit = input->block_size >= input->cluster_size ? input->cluster_size : OSD_FIXUP_BLOCK;

	return block * (input->block_size / unit);
}

static uint8_t *
put_child(const struct builder *builder, uint8_t *entry, size_t length, uint64_t child)
{
	if (child == NO_CHILD)
		return entry + length;
	put16(entry + ENTRY_LENGTH_AT, (uint16_t)(length + CHILD_BYTES));
	put16(entry + ENTRY_FLAGS_AT, get16(entry + ENTRY_FLAGS_AT) | ENTRY_HAS_CHILD);
	put64(entry + length, vcn_of(builder->input, child));
	return entry + length + CHILD_BYTES;
}

/* Write the entries of a node and its end, and the INDEX_HEADER before them. */
static void
put_node(const struct builder *builder, uint8_t *header, size_t first, size_t room, const struct item *items,
	 size_t count, uint64_t last)
{
	const struct osd_index_input *input = builder->input;
	uint8_t *at = header + first;
	uint32_t used;

	for (size_t i = 0; i < count; i++) {
		size_t length = input->length(input->context, items[i].entry);

		memset(at, 0, length);
		input->entry(input->context, items[i].entry, at);
		at = put_child(builder, at, length, items[i].child);
	}
	memset(at, 0, end_length(last));
	put16(at + ENTRY_LENGTH_AT, END_BYTES);
	put16(at + ENTRY_FLAGS_AT, ENTRY_IS_LAST);
	at = put_child(builder, at, END_BYTES, last);
	used = (uint32_t)(at - header);
	put32(header, (uint32_t)first);
	put32(header + 4, used);
	put32(header + 8, room == 0 ? used : (uint32_t)room);
	put32(header + 12, last == NO_CHILD ? 0 : 1);
}

/* Make a block of some entries of a level; return 0 and its number, or an errno. */
static int
put_block(struct builder *builder, const struct item *items, size_t count, uint64_t last, uint64_t *number)
{
	const struct osd_index_input *input = builder->input;
	uint8_t *block = builder->block;
	uint32_t size = input->block_size;

	if (builder->blocks == UINT32_MAX)
		return EOVERFLOW;
	*number = builder->blocks++;
	if (block == NULL)
		return 0;
	memset(block, 0, size);
	memcpy(block, "INDX", 4);
	put16(block + 4, BLOCK_FIXUPS_AT);
	put16(block + 6, (uint16_t)(size / OSD_FIXUP_BLOCK + 1));
	put64(block + 16, vcn_of(input, *number));
	put_node(builder, block + BLOCK_NODE_AT, block_head(size) - BLOCK_NODE_AT, size - BLOCK_NODE_AT, items, count,
		 last);
	osd_fixups_apply(block);
	return input->block(input->context, (uint32_t)*number, block);
}

/*
 * Pack a level into blocks, and leave in items what moves up, in count how many that are and in last the last block.
 * What moves up overwrites what was packed before it.
 */
static int
pack_level(struct builder *builder, struct item *items, size_t *count, uint64_t *last)
{
	size_t room = builder->input->block_size - block_head(builder->input->block_size) - end_length(0);
	size_t begin = 0, up = 0;

	for (;;) {
		size_t used = 0, end = begin;
		uint64_t number;
		struct item moved;
		int error;

		while (end < *count && used + item_length(builder, &items[end]) <= room)
			used += item_length(builder, &items[end++]);
		if (end == *count) {
			error = put_block(builder, items + begin, end - begin, *last, last);
			*count = up;
			return error;
		}
		/* What moves up must leave something behind it. */
		if (end == *count - 1)
			end--;
		if (end == begin)
			return EMSGSIZE; /* a block that holds no two entries */
		moved = items[end];
		error = put_block(builder, items + begin, end - begin, moved.child, &number);
		if (error != 0)
			return error;
		moved.child = number;
		items[up++] = moved;
		begin = end + 1;
	}
}

static size_t
root_size(const struct builder *builder, const struct item *items, size_t count, uint64_t last, size_t enough)
{
	size_t size = ROOT_HEAD + NODE_HEAD + end_length(last);

	/* A directory of a million files is not measured to its end. */
	for (size_t i = 0; i < count && size <= enough; i++)
		size += item_length(builder, &items[i]);
	return size;
}

static void
put_root(const struct builder *builder, uint8_t *root, const struct item *items, size_t count, uint64_t last)
{
	const struct osd_index_input *input = builder->input;

	memset(root, 0, ROOT_HEAD);
	put32(root, input->attribute_type);
	put32(root + 4, input->collation);
	put32(root + 8, input->block_size);
	root[12] = (uint8_t)vcn_of(input, 1);
	put_node(builder, root + ROOT_HEAD, NODE_HEAD, 0, items, count, last);
}

static int
build(struct builder *builder, struct osd_index *index, uint8_t *root, size_t room)
{
	const struct osd_index_input *input = builder->input;
	struct item *items = calloc(input->count + 1, sizeof(*items));
	size_t count = input->count, largest = input->largest_root;
	uint64_t last = NO_CHILD;
	int error = items == NULL ? ENOMEM : 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		items[i] = (struct item){ .entry = i, .child = NO_CHILD };
	while (error == 0 && count > 0 && root_size(builder, items, count, last, largest) > largest) {
		error = pack_level(builder, items, &count, &last);
		largest = input->largest_parent;
	}
	if (error == 0) {
		index->root_size = root_size(builder, items, count, last, SIZE_MAX);
		index->blocks = builder->blocks;
		if (root != NULL && index->root_size > room)
			error = EMSGSIZE;
		else if (root != NULL)
			put_root(builder, root, items, count, last);
	}
	free(items);
	return error;
}

/* Tell the size of the root of an index and the number of its blocks.  0, ENOMEM, or what a block cannot hold. */
int
osd_index_measure(const struct osd_index_input *input, struct osd_index *index)
{
	struct builder builder = { .input = input };

	return build(&builder, index, NULL, 0);
}

/*
 * Build an index: hand out its blocks in the order of their numbers, and write into root the value of its $INDEX_ROOT.
 * 0, ENOMEM, EMSGSIZE where there is no room for the root, or the error of a block.
 */
int
osd_index_build(const struct osd_index_input *input, struct osd_index *index, uint8_t *root, size_t room)
{
	struct builder builder = { .input = input };
	int error;

	builder.block = malloc(input->block_size);
	if (builder.block == NULL)
		return ENOMEM;
	error = build(&builder, index, root, room);
	free(builder.block);
	return error;
}
