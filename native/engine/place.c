/*
 * Which contents stay in the records of their files, and which get clusters; and who has the contents of each blob.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

enum {
	/* What an attribute takes more for runs than for nothing: contents of less stay in the record. */
	RUNS_BYTES = 64,
	/* An index of a directory that has streams too. */
	INDEX_BYTES = 224,
	MOST_UNITS = 1 << 22,
};

static int
place_late(struct osd_bulk *bulk, uint32_t stream, uint64_t *units)
{
	struct osd_late *grown;
	uint64_t size = bulk->tree->streams[stream].size;

	/* At least so many bytes are a unit. */
	*units += size / ((uint64_t)bulk->fresh.cluster_size) / OSD_UNIT_CLUSTERS + 1;
	if (*units > MOST_UNITS)
		return osd_bulk_refuse(bulk, OSD_BULK_LARGE_SPARSE,
				       bulk->tree->inodes[bulk->tree->streams[stream].inode].first_link);
	if (is_power_of_two(bulk->late_count) || bulk->late_count == 0) {
		grown = reallocarray(bulk->late, 2 * (size_t)bulk->late_count + 1, sizeof(*grown));
		if (grown == NULL)
			return ENOMEM;
		bulk->late = grown;
	}
	bulk->placed[stream] = (struct osd_placed){ .at = bulk->late_count, .placement = OSD_PLACED_LATE };
	bulk->late[bulk->late_count] = (struct osd_late){
		.stream = stream,
		.flags = (uint16_t)osd_bulk_stream_flags(bulk, stream),
	};
	return osd_late_open(bulk, &bulk->late[bulk->late_count++]);
}

static int
place_streams_of(struct osd_bulk *bulk, uint32_t number, uint64_t *units)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	size_t room = osd_record_room(bulk->fresh.record_size);
	/* All streams are empty until they are placed. */
	uint64_t needed = osd_file_base_size(bulk, number) + (osd_is_folder(inode) ? INDEX_BYTES : 0), left;
	int error = 0;

	for (uint32_t i = 0; i < inode->stream_count; i++)
		needed += RUNS_BYTES;
	left = needed < room ? room - needed : 0;
	for (uint32_t i = 0; error == 0 && i < inode->stream_count; i++) {
		uint32_t stream = inode->first_stream + i;
		int is_reparse = osd_is_reparse(inode) && i == 0;
		uint64_t size = bulk->tree->streams[stream].size + (is_reparse ? OSD_REPARSE_HEAD : 0);
		struct osd_placed *placed = &bulk->placed[stream];

		if (size == 0)
			continue;
		/* In an extension where the record is full anyway. */
		if (size <= left + RUNS_BYTES || (left == 0 && size <= room / 2)) {
			uint64_t more = size > RUNS_BYTES ? round_up(size - RUNS_BYTES, 8) : 0;

			*placed = (struct osd_placed){ .at = bulk->inner_size, .placement = OSD_PLACED_IN_RECORD };
			bulk->inner_size += round_up(size, 8);
			left -= more < left ? more : left;
		} else if (is_reparse) {
			*placed = (struct osd_placed){ .at = bulk->inner_size, .placement = OSD_PLACED_REPARSE };
			bulk->inner_size += round_up(size, 8);
		} else if (osd_bulk_stream_flags(bulk, stream) != 0) {
			error = place_late(bulk, stream, units);
		} else {
			placed->placement = OSD_PLACED_RUN;
		}
	}
	return error;
}

static void
put_reparse_head(struct osd_bulk *bulk, uint32_t number)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	uint8_t *out = bulk->inner + bulk->placed[inode->first_stream].at;

	put32(out, inode->reparse_tag);
	put16(out + 4, (uint16_t)bulk->tree->streams[inode->first_stream].size);
}

/* Choose for each stream whether it is in the record.  0 (see the reason) or an errno. */
int
osd_place_streams(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	uint64_t units = 0;
	int error = 0;

	bulk->placed = calloc((size_t)tree->stream_count + 1, sizeof(*bulk->placed));
	if (bulk->placed == NULL)
		return ENOMEM;
	for (uint32_t i = 0; error == 0 && bulk->reason == OSD_BULK_CAN && i < tree->inode_count; i++)
		error = place_streams_of(bulk, i, &units);
	if (error != 0 || bulk->reason != OSD_BULK_CAN)
		return error;
	bulk->inner = calloc(1, bulk->inner_size + 1);
	if (bulk->inner == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < tree->inode_count; i++)
		if (osd_is_reparse(&tree->inodes[i]))
			put_reparse_head(bulk, i);
	return 0;
}

/* Sort the streams by their blobs.  0 or ENOMEM. */
int
osd_find_users(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	uint32_t *next;

	bulk->user_at = calloc((size_t)bulk->blob_count + 2, sizeof(*bulk->user_at));
	bulk->users = calloc((size_t)tree->stream_count + 1, sizeof(*bulk->users));
	if (bulk->user_at == NULL || bulk->users == NULL)
		return ENOMEM;
	/* Counted one place further, so that each begins where the one before ends when all are put in. */
	next = bulk->user_at + 1;
	for (uint32_t i = 0; i < tree->stream_count; i++)
		if (tree->streams[i].blob != OSD_NONE && tree->streams[i].blob + 1 < bulk->blob_count)
			next[tree->streams[i].blob + 1]++;
	for (uint32_t i = 1; i < bulk->blob_count; i++)
		next[i] += next[i - 1];
	for (uint32_t i = 0; i < tree->stream_count; i++)
		if (tree->streams[i].blob != OSD_NONE)
			bulk->users[next[tree->streams[i].blob]++] = i;
	return 0;
}
