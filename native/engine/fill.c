/*
 * The sink: contents of blobs to all files that have them.
 *
 * What fits into records is kept until those are written.  The rest goes to its clusters: what comes one behind the other
 * lies one behind the other, so a worker gathers it and writes a megabyte at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

/* The rest of a cluster is written as zeros; of one that is larger than this, only what makes whole pages. */
#define LARGEST_FILLED 65536
#define PAGE 4096

static const uint8_t zeros[65536];

static int
flush_bytes(struct osd_bulk *bulk, struct osd_gather *gather)
{
	int error = gather->size == 0 ? 0 : osd_area_write(&bulk->fresh.area, gather->bytes, gather->size, gather->at);

	gather->size = 0;
	return error;
}

/* Write bytes to a place of the volume, now or with what comes behind it. */
static int
put(struct osd_bulk *bulk, struct osd_gather *gather, uint64_t at, const uint8_t *data, uint64_t size)
{
	/* To copy it would take longer than another call does. */
	int is_large = size >= OSD_GATHERED / 4, error = 0;

	if (gather->size > 0 && (gather->at + gather->size != at || size > OSD_GATHERED - gather->size || is_large))
		error = flush_bytes(bulk, gather);
	if (error != 0)
		return error;
	if (is_large)
		return osd_area_write(&bulk->fresh.area, data, size, at);
	if (gather->bytes == NULL)
		gather->bytes = malloc(OSD_GATHERED);
	if (gather->bytes == NULL)
		return ENOMEM;
	if (gather->size == 0)
		gather->at = at;
	memcpy(gather->bytes + gather->size, data, size);
	gather->size += size;
	return 0;
}

static int
put_zeros(struct osd_bulk *bulk, struct osd_gather *gather, uint64_t at, uint64_t size)
{
	int error = 0;

	while (error == 0 && size > 0) {
		uint64_t part = size < sizeof(zeros) ? size : sizeof(zeros);

		error = put(bulk, gather, at, zeros, part);
		at += part;
		size -= part;
	}
	return error;
}

/* Write bytes of a stream that lies in runs; the last are followed by zeros to the end of the cluster. */
static int
put_in_runs(struct osd_bulk *bulk, struct osd_gather *gather, const struct osd_extent *run, uint64_t stream_size,
	    uint64_t offset, const uint8_t *data, uint64_t size)
{
	uint32_t cluster_size = bulk->fresh.cluster_size;
	uint64_t begin = 0, end = offset + size, filled = cluster_size <= LARGEST_FILLED ? cluster_size : PAGE;
	int error = 0;

	for (; error == 0 && offset < end; run++) {
		uint64_t length = run->length * cluster_size;

		if (offset < begin + length) {
			uint64_t part = begin + length < end ? begin + length - offset : end - offset;
			uint64_t at = run->lcn * cluster_size + offset - begin;

			error = put(bulk, gather, at, data, part);
			data += part;
			offset += part;
			if (error == 0 && offset == stream_size)
				error = put_zeros(bulk, gather, at + part,
						  round_up(stream_size, filled) - stream_size);
		}
		begin += length;
	}
	return error;
}

static int
put_in_stream(struct osd_bulk *bulk, unsigned worker, uint32_t stream, uint64_t offset, const uint8_t *data, size_t size)
{
	struct osd_gather *gather = &bulk->gathers[worker];
	const struct osd_placed *placed = &bulk->placed[stream];
	const struct osd_tree_stream *about = &bulk->tree->streams[stream];
	const struct osd_tree_inode *inode = &bulk->tree->inodes[about->inode];
	size_t head = osd_is_reparse(inode) && stream == inode->first_stream ? OSD_REPARSE_HEAD : 0;
	struct osd_extent single;

	/* What the tree said of the size of a blob was compared with the blobs; this is what the plan has room for. */
	if (offset > about->size || size > about->size - offset)
		return EBADMSG;
	switch (placed->placement) {
	case OSD_PLACED_EMPTY:
		return 0;
	case OSD_PLACED_IN_RECORD:
		memcpy(bulk->inner + placed->at + head + offset, data, size);
		return 0;
	case OSD_PLACED_REPARSE:
		memcpy(bulk->inner + bulk->split[placed->at].inner_at + head + offset, data, size);
		return 0;
	case OSD_PLACED_RUN:
		single.lcn = placed->at;
		single.length = round_up(about->size, bulk->fresh.cluster_size) / bulk->fresh.cluster_size;
		return put_in_runs(bulk, gather, &single, about->size, offset, data, size);
	case OSD_PLACED_RUNS:
		return put_in_runs(bulk, gather, bulk->split[placed->at].runs.runs, about->size, offset, data, size);
	case OSD_PLACED_COMPACT:
		return osd_compact_piece(bulk, worker, &bulk->compact[placed->at], offset, data, size);
	default:
		return osd_late_piece(bulk, gather, &bulk->late[placed->at], offset, data, size);
	}
}

static int
take_piece(struct osd_sink *sink, unsigned worker, uint32_t blob, uint64_t offset, const uint8_t *data, size_t size)
{
	struct osd_bulk *bulk = (struct osd_bulk *)sink;
	int error = 0;

	if (blob >= bulk->blob_count || worker >= OSD_WORKERS)
		return EINVAL;
	for (uint32_t i = bulk->user_at[blob]; error == 0 && i < bulk->user_at[blob + 1]; i++)
		error = put_in_stream(bulk, worker, bulk->users[i], offset, data, size);
	return error;
}

static int
end_blob(struct osd_sink *sink, unsigned worker, uint32_t blob, int is_good)
{
	/* Whether all were good is asked at the end of the run: until then nothing leads to what was written. */
	(void)sink;
	(void)worker;
	(void)blob;
	(void)is_good;
	return 0;
}

static int
flush(struct osd_sink *sink, unsigned worker)
{
	struct osd_bulk *bulk = (struct osd_bulk *)sink;
	int error;

	if (worker >= OSD_WORKERS)
		return EINVAL;
	error = flush_bytes(bulk, &bulk->gathers[worker]);
	return error != 0 ? error : osd_late_flush(bulk, &bulk->gathers[worker]);
}

const struct osd_sink_ops osd_bulk_sink = {
	.piece = take_piece,
	.blob_end = end_blob,
	.flush = flush,
};

/* Take all of a blob that is not in the WIM, once no worker is at work any more.  0 or an errno. */
int
osd_bulk_put(struct osd_bulk *bulk, uint32_t blob, const uint8_t *data, size_t size)
{
	int error = take_piece(&bulk->sink, 0, blob, 0, data, size);

	return error != 0 ? error : flush(&bulk->sink, 0);
}
