/*
 * What makes files of contents that were written: first the records and indexes, to where nothing leads, then what leads
 * there.
 *
 * Until the second part the volume is empty, whatever happens; it is marked dirty from begin to end.  Between the two, and
 * before the mark is taken away, all that was written must be on the medium.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bulk.h"
#include "engine/bytes.h"
#include "engine/file.h"

#define TOGETHER (1u << 20)
#define MOST_SYSTEM_ATTRIBUTES 16
/* The records of the system, and some behind them. */
#define LEADING_RECORDS 32

/* Records that follow each other, gathered. */
struct record_writer {
	struct osd_bulk *bulk;
	uint8_t *bytes;
	uint64_t first;
	uint32_t count, room;
};

/* ---- writing records */

/* Write records, and those of them that NTFS keeps twice once more. */
static int
write_records(struct osd_bulk *bulk, const uint8_t *bytes, uint64_t size, uint64_t at)
{
	const struct osd_fresh *fresh = &bulk->fresh;
	int error = osd_extents_write(fresh, &bulk->mft, bytes, size, at);

	if (error == 0 && at < fresh->mirror_size)
		error = osd_extents_write(fresh, &fresh->mirror, bytes,
				       size < fresh->mirror_size - at ? size : fresh->mirror_size - at, at);
	return error;
}

static int
flush_records(struct record_writer *writer)
{
	uint64_t size = writer->bulk->fresh.record_size;
	int error = write_records(writer->bulk, writer->bytes, writer->count * size, writer->first * size);

	writer->first += writer->count;
	writer->count = 0;
	return error;
}

static int
open_writer(struct record_writer *writer, struct osd_bulk *bulk, uint64_t first)
{
	writer->bulk = bulk;
	writer->first = first;
	writer->room = TOGETHER / bulk->fresh.record_size;
	writer->bytes = malloc(TOGETHER);
	return writer->bytes == NULL ? ENOMEM : 0;
}

/* Return where the next record goes; NULL when what was gathered cannot be written. */
static uint8_t *
next_record(struct record_writer *writer, int *error)
{
	if (writer->count == writer->room)
		*error = flush_records(writer);
	if (*error != 0)
		return NULL;
	return writer->bytes + (size_t)writer->count++ * writer->bulk->fresh.record_size;
}

static void
put_unused(const struct osd_bulk *bulk, uint8_t *out, uint64_t number)
{
	struct osd_record record = { .size = bulk->fresh.record_size, .number = number, .sequence = 1 };

	osd_record_begin(out, &record);
	osd_record_end(out);
}

/* Write the records of all files but the root, and those before them that nobody uses. */
static int
write_files(struct osd_bulk *bulk)
{
	struct record_writer files = { 0 }, extensions = { 0 };
	uint32_t size = bulk->fresh.record_size;
	int error = open_writer(&files, bulk, bulk->fresh.record_count);

	if (error == 0)
		error = open_writer(&extensions, bulk, bulk->files_end);
	for (uint64_t i = bulk->fresh.record_count; error == 0 && i < OSD_FIRST_FILE; i++) {
		uint8_t *out = next_record(&files, &error);

		if (out != NULL)
			put_unused(bulk, out, i);
	}
	for (uint32_t i = 1; error == 0 && i < bulk->tree->inode_count; i++) {
		uint8_t *out = next_record(&files, &error), *more = NULL;
		uint32_t count = 0;

		if (out != NULL)
			error = osd_file_encode(bulk, bulk->file, i, out, &more, &count);
		for (uint32_t extension = 0; error == 0 && extension < count; extension++) {
			out = next_record(&extensions, &error);
			if (out != NULL)
				memcpy(out, more + (size_t)extension * size, size);
		}
	}
	if (error == 0)
		error = flush_records(&files);
	if (error == 0)
		error = flush_records(&extensions);
	free(files.bytes);
	free(extensions.bytes);
	return error;
}

/* Encode the root, whose blocks are written, into record; its extensions are written. */
static int
write_root_blocks(struct osd_bulk *bulk, uint8_t *record)
{
	uint64_t at = bulk->next_record * bulk->fresh.record_size;
	uint8_t *more = NULL;
	uint32_t count = 0;
	int error = osd_file_encode(bulk, bulk->file, 0, record, &more, &count);

	if (error == 0 && count > 0)
		error = write_records(bulk, more, (uint64_t)count * bulk->fresh.record_size, at);
	return error;
}

/* Write the data of reparse points that have no room in their records. */
static int
write_reparse_points(struct osd_bulk *bulk)
{
	const struct osd_tree *tree = bulk->tree;
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < tree->inode_count; i++) {
		const struct osd_placed *placed = &bulk->placed[tree->inodes[i].first_stream];
		const struct osd_split *split;
		uint64_t size, room;
		uint8_t *bytes;

		if (placed->placement != OSD_PLACED_REPARSE)
			continue;
		split = &bulk->split[placed->at];
		size = tree->streams[tree->inodes[i].first_stream].size + 8;
		room = split->runs.clusters * bulk->fresh.cluster_size;
		bytes = calloc(1, room);
		if (bytes == NULL)
			return ENOMEM;
		memcpy(bytes, bulk->inner + split->inner_at, size);
		error = osd_extents_write(&bulk->fresh, &split->runs, bytes, room, 0);
		free(bytes);
	}
	return error;
}

/* ---- the MFT itself */

/* The record behind the last of the MFT; those that it has, used or not, stay. */
static uint64_t
record_end(const struct osd_bulk *bulk)
{
	return bulk->next_record > bulk->fresh.record_end ? bulk->next_record : bulk->fresh.record_end;
}

/* Write which records are in use: those that were, and those of the files. */
static int
write_record_bitmap(struct osd_bulk *bulk)
{
	const struct osd_fresh *fresh = &bulk->fresh;
	uint64_t room = bulk->mft_bitmap.clusters * fresh->cluster_size;
	const uint8_t *old = osd_record_find(osd_fresh_record(fresh, OSD_FILE_MFT), OSD_BITMAP, "");
	uint64_t kept = get64(old + 48) < OSD_FIRST_FILE / 8 ? get64(old + 48) : OSD_FIRST_FILE / 8;
	uint8_t *bits = calloc(1, room);
	int error = bits == NULL ? ENOMEM : osd_extents_read(fresh, &fresh->mft_bitmap, bits, kept, 0);

	if (error == 0) {
		for (uint64_t i = OSD_FIRST_FILE; i < bulk->next_record; i++)
			bits[i / 8] |= (uint8_t)(1 << i % 8);
		error = osd_extents_write(fresh, &bulk->mft_bitmap, bits, room, 0);
	}
	free(bits);
	return error;
}

/* Cut the MFT to the records that there are; what was kept for more is free again. */
static int
cut_mft(struct osd_bulk *bulk)
{
	uint32_t cluster_size = bulk->fresh.cluster_size;
	uint64_t wanted = round_up(record_end(bulk) * bulk->fresh.record_size, cluster_size) / cluster_size;
	struct osd_extents kept = { 0 }, rest = { 0 };
	int error = 0;

	for (size_t i = 0; error == 0 && i < bulk->mft.count; i++) {
		const struct osd_extent *run = &bulk->mft.runs[i];
		uint64_t part = wanted - kept.clusters < run->length ? wanted - kept.clusters : run->length;

		error = osd_extents_add(&kept, run->lcn, part);
		if (error == 0)
			error = osd_extents_add(&rest, run->lcn + part, run->length - part);
	}
	if (error == 0)
		error = osd_space_release(&bulk->space, &rest);
	osd_extents_release(&rest);
	if (error != 0) {
		osd_extents_release(&kept);
		return error;
	}
	osd_extents_release(&bulk->mft);
	bulk->mft = kept;
	return 0;
}

static void
add_runs(struct osd_attribute *attribute, uint32_t type, const struct osd_extents *runs, uint64_t size,
	 uint32_t cluster_size)
{
	*attribute = (struct osd_attribute){ .type = type };
	osd_attribute_set_runs(attribute, runs, size, cluster_size);
}

/* Make the record of the MFT anew: what it had, its new runs and its new bitmap. */
static int
make_mft_record(struct osd_bulk *bulk, uint8_t *out)
{
	const uint8_t *old = osd_fresh_record(&bulk->fresh, OSD_FILE_MFT);
	struct osd_attribute attributes[MOST_SYSTEM_ATTRIBUTES];
	struct osd_record head = {
		.size = bulk->fresh.record_size,
		.number = OSD_FILE_MFT,
		.sequence = get16(old + 16),
		.links = get16(old + 18),
		.flags = get16(old + 22),
	};
	size_t count = 0, total = 0;

	for (const uint8_t *each = osd_record_next(old, NULL); each != NULL && get32(each) < OSD_DATA;
	     each = osd_record_next(old, each)) {
		if (count + 2 == MOST_SYSTEM_ATTRIBUTES)
			return EMSGSIZE;
		attributes[count++] = (struct osd_attribute){ .type = get32(each), .raw = each };
	}
	add_runs(&attributes[count++], OSD_DATA, &bulk->mft, record_end(bulk) * head.size, bulk->fresh.cluster_size);
	add_runs(&attributes[count++], OSD_BITMAP, &bulk->mft_bitmap, round_up(record_end(bulk), 64) / 8,
		 bulk->fresh.cluster_size);
	for (size_t i = 0; i < count; i++) {
		osd_attribute_measure(&attributes[i]);
		total += attributes[i].length;
	}
	if (total > osd_record_room(head.size))
		return EMSGSIZE;
	osd_record_begin(out, &head);
	for (size_t i = 0; i < count; i++)
		osd_record_add(out, &attributes[i]);
	osd_record_end(out);
	return 0;
}

/* ---- what leads to all of it */

/* Give up the clusters of an attribute that is written anew.  0 or an errno. */
int
osd_bulk_release(struct osd_bulk *bulk, const uint8_t *attribute)
{
	struct osd_extents runs = { 0 };
	int error = attribute[8] == 0 ? 0 : osd_attribute_runs(attribute, bulk->fresh.clusters, &runs);

	if (error == 0)
		error = osd_space_release(&bulk->space, &runs);
	osd_extents_release(&runs);
	return error;
}

/* Give up what was in use and has been written anew. */
static int
release_old(struct osd_bulk *bulk)
{
	const uint8_t *root = osd_fresh_record(&bulk->fresh, OSD_FILE_ROOT);
	int error = osd_space_release(&bulk->space, &bulk->fresh.mft_bitmap);

	for (const uint8_t *each = osd_record_next(root, NULL); error == 0 && each != NULL;
	     each = osd_record_next(root, each))
		/* Its own descriptor stays where the image has none. */
		if (get32(each) != OSD_SECURITY_DESCRIPTOR || bulk->tree->inodes[0].descriptor != OSD_NONE)
			error = osd_bulk_release(bulk, each);
	return error;
}

/*
 * Write what leads to the files: the bitmap of the volume, then the records of the system, all in one write.  (Where only
 * half of it comes to the medium, that half ends between two records.)
 */
static int
write_leading(struct osd_bulk *bulk, const uint8_t *mft, const uint8_t *root)
{
	uint32_t size = bulk->fresh.record_size;
	uint8_t *records = malloc((size_t)LEADING_RECORDS * size);
	int error = records == NULL ? ENOMEM : osd_space_commit(&bulk->space, &bulk->fresh, &bulk->mft);

	for (uint32_t i = 0; error == 0 && i < LEADING_RECORDS; i++) {
		uint8_t *out = records + (size_t)i * size;

		if (i >= bulk->fresh.record_count) {
			put_unused(bulk, out, i);
			continue;
		}
		memcpy(out, i == OSD_FILE_MFT ? mft : i == OSD_FILE_ROOT ? root : osd_fresh_record(&bulk->fresh, i), size);
		if (i == OSD_FILE_MFT || i == OSD_FILE_ROOT) {
			error = osd_fixups_undo(out, size, "FILE");
			osd_fixups_follow(out, osd_fresh_record(&bulk->fresh, i));
		}
		osd_fixups_apply(out);
		osd_fixups_follow(osd_fresh_record(&bulk->fresh, i), out);
	}
	if (error == 0)
		error = write_records(bulk, records, (uint64_t)LEADING_RECORDS * size, 0);
	free(records);
	return error;
}

static int
write_unled(struct osd_bulk *bulk, uint8_t *mft, uint8_t *root)
{
	int error = write_reparse_points(bulk);

	bulk->next_record = bulk->files_end;
	if (error == 0)
		error = write_files(bulk);
	if (error == 0)
		error = write_root_blocks(bulk, root);
	if (error == 0)
		error = osd_views_settle(bulk);
	if (error == 0)
		error = osd_views_write(bulk);
	if (error == 0)
		error = write_record_bitmap(bulk);
	if (error == 0)
		error = cut_mft(bulk);
	if (error == 0)
		error = make_mft_record(bulk, mft);
	return error != 0 ? error : release_old(bulk);
}

/* Mark the volume dirty: the first that is written.  0 or an errno. */
int
osd_bulk_begin(struct osd_bulk *bulk, int sync)
{
	int error = osd_fresh_mark(&bulk->fresh, 1);

	return error == 0 && sync ? osd_area_sync(&bulk->fresh.area) : error;
}

/* Make files of what was written, all of which must be good.  Until the end nothing of it is seen.  0 or an errno. */
int
osd_bulk_commit(struct osd_bulk *bulk, int sync)
{
	uint32_t size = bulk->fresh.record_size;
	uint8_t *records = calloc(2, size);
	int error = records == NULL ? ENOMEM : 0;

	bulk->file = osd_file_new();
	if (bulk->file == NULL)
		error = ENOMEM;
	if (error == 0)
		error = write_unled(bulk, records, records + size);
	if (error == 0 && sync)
		error = osd_area_sync(&bulk->fresh.area);
	if (error == 0)
		error = write_leading(bulk, records, records + size);
	if (error == 0 && sync)
		error = osd_area_sync(&bulk->fresh.area);
	free(records);
	return error;
}

/* Take the mark away, unless it is_dirty for somebody else.  0 or an errno. */
int
osd_bulk_finish(struct osd_bulk *bulk, int is_dirty, int sync)
{
	int error = is_dirty ? 0 : osd_fresh_mark(&bulk->fresh, 0);

	return error == 0 && sync ? osd_area_sync(&bulk->fresh.area) : error;
}
