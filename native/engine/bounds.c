/*
 * How much room a file needs at most, before it is known where its contents are.
 */
#include <errno.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

static unsigned
bytes_of(uint64_t value)
{
	unsigned size = 1;

	while (value >= 0x80) {
		value >>= 8;
		size++;
	}
	return size;
}

/* At most so many bytes list the runs of a stream. */
static uint64_t
runs_bound(const struct osd_bulk *bulk, uint32_t stream)
{
	const struct osd_placed *placed = &bulk->placed[stream];
	uint64_t place = bytes_of(bulk->fresh.clusters) + 1;

	if (placed->placement == OSD_PLACED_LATE)
		/* Each unit stored and followed by a hole: 1 and 1 byte of length, the place, and 1 and 1 for the hole. */
		return 1 + (uint64_t)bulk->late[placed->at].unit_count * (4 + place) + 8;
	return 2 + bytes_of(bulk->tree->streams[stream].size / bulk->fresh.cluster_size + 1) + place;
}

static uint64_t
stream_bound(const struct osd_bulk *bulk, uint32_t stream)
{
	const struct osd_tree_stream *about = &bulk->tree->streams[stream];
	const struct osd_tree_inode *inode = &bulk->tree->inodes[about->inode];
	int is_link = osd_is_reparse(inode) && stream == inode->first_stream;
	uint64_t name = 2 * (uint64_t)about->name_length;

	switch (bulk->placed[stream].placement) {
	case OSD_PLACED_COMPACT: {
		const struct osd_compact *compact = &bulk->compact[bulk->placed[stream].at];
		/* A hole, the compressed stream with its name, and the reparse point. */
		uint64_t runs = osd_compact_runs(compact) * (2 + 4 + bytes_of(bulk->fresh.clusters));

		return round_up(72 + 16, 8) + round_up(72 + 40 + runs + 8, 8) + 24 + OSD_COMPACT_POINT;
	}
	case OSD_PLACED_EMPTY:
		return round_up(24 + name, 8);
	case OSD_PLACED_IN_RECORD:
		return round_up(round_up(24 + name, 8) + about->size + (is_link ? OSD_REPARSE_HEAD : 0), 8);
	default:
		return round_up(round_up(72 + name, 8) + runs_bound(bulk, stream), 8);
	}
}

/* At most so many bytes of attributes a file has, without those of an index. */
uint64_t
osd_file_base_size(const struct osd_bulk *bulk, uint32_t number)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	uint64_t size = 24 + OSD_STANDARD_BYTES;

	if (number == 0)
		size += 96 + 128; /* its name, and its own descriptor */
	for (uint32_t i = inode->first_link; number != 0 && i != OSD_NONE; i = bulk->tree->entries[i].next_link) {
		const struct osd_tree_entry *entry = &bulk->tree->entries[i];

		size += round_up(24 + OSD_NAME_KEY + 2 * (uint64_t)entry->name_length, 8);
		if (entry->short_length > 0)
			size += round_up(24 + OSD_NAME_KEY + 2 * (uint64_t)entry->short_length, 8);
	}
	if (inode->object_id != OSD_NONE)
		size += 24 + OSD_OBJECT_KEY;
	if (osd_is_reparse(inode) && !osd_is_folder(inode))
		size += 24; /* contents, of which there are none */
	for (uint32_t i = 0; i < inode->stream_count; i++)
		if (i > 0 || !osd_is_folder(inode) || osd_is_reparse(inode))
			size += stream_bound(bulk, inode->first_stream + i);
	return size;
}

/*
 * At most so many extensions a file of so many bytes of attributes needs, and so many clusters for the list of them.
 * EMSGSIZE when NTFS has no list as long as that.
 */
int
osd_file_bound(const struct osd_bulk *bulk, uint32_t number, uint64_t size, uint64_t *records, uint64_t *clusters)
{
	const struct osd_tree_inode *inode = &bulk->tree->inodes[number];
	uint64_t room = osd_record_room(bulk->fresh.record_size), list;

	*records = *clusters = 0;
	if (size <= room)
		return 0;
	/* Two records that follow each other hold more than one has room. */
	*records = 2 * (size / room + 1) + 1;
	list = (uint64_t)(inode->link_count * 2 + *records + 8) * 32;
	for (uint32_t i = 0; i < inode->stream_count; i++)
		list += 32 + 2 * (uint64_t)bulk->tree->streams[inode->first_stream + i].name_length;
	if (list > OSD_LARGEST_LIST)
		return EMSGSIZE;
	*clusters = round_up(list, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
	return 0;
}
