/*
 * An NTFS volume as it was formatted: its geometry, the records of the system, and the clusters that are free.
 *
 * A volume is fresh when it holds no file but those that mkntfs makes, its journal was never used, and what it says of
 * itself does not contradict itself.  Nothing of it is believed that is not checked here: an image may come from anywhere.
 * Whatever else is not wrong, only not fresh: EBADMSG, and somebody who knows more of NTFS writes to it.
 *
 * Source: the Linux-NTFS project's documentation of NTFS, "$Boot", "$MFT", "$Volume"; <ntfs-3g/layout.h>.
 */
#include "engine/fresh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/record.h"
#include "fail.h"
#include "slices/source.h"

#define BOOT_BYTES 512
#define UPCASE_UNITS 65536
#define UPCASE_BYTES (2 * UPCASE_UNITS)
#define LARGEST_SECTOR 4096
#define LARGEST_CLUSTER (2u << 20)
#define LARGEST_BLOCK 65536
#define LARGEST_RECORD 4096
/* As many as a cluster holds. */
#define MOST_RECORDS (LARGEST_CLUSTER / 1024)

/* ---- what the volume says of itself */

/* A size that the boot sector tells in clusters or, negative, as a power of two. */
static uint32_t
told_size(int8_t told, uint32_t cluster_size)
{
	if (told < 0)
		return told > -32 ? 1u << -told : 0;
	return (uint32_t)told * cluster_size;
}

static int
read_geometry(struct osd_fresh *fresh, uint64_t *mft_lcn)
{
	uint8_t boot[BOOT_BYTES];
	uint32_t sectors;
	int error = osd_area_read(&fresh->area, boot, sizeof(boot), 0);

	if (error != 0)
		return error;
	fresh->sector_size = get16(boot + 11);
	/* More than 128 sectors are told as a negative power of two. */
	sectors = boot[13] <= 128 ? boot[13] : boot[13] > 224 ? 1u << (256 - boot[13]) : 0;
	fresh->cluster_size = fresh->sector_size * sectors;
	if (memcmp(boot + 3, "NTFS    ", 8) != 0 || !is_power_of_two(fresh->sector_size) ||
	    fresh->sector_size < OSD_FIXUP_BLOCK || fresh->sector_size > LARGEST_SECTOR || !is_power_of_two(sectors) ||
	    sectors > LARGEST_CLUSTER / fresh->sector_size)
		return EBADMSG;
	fresh->clusters = get64(boot + 40) / sectors;
	*mft_lcn = get64(boot + 48);
	fresh->record_size = told_size((int8_t)boot[64], fresh->cluster_size);
	fresh->block_size = told_size((int8_t)boot[68], fresh->cluster_size);
	if (fresh->clusters == 0 || fresh->clusters > fresh->area.length / fresh->cluster_size ||
	    *mft_lcn >= fresh->clusters ||
	    !is_power_of_two(fresh->record_size) || fresh->record_size < 1024 || fresh->record_size > LARGEST_RECORD ||
	    !is_power_of_two(fresh->block_size) || fresh->block_size < 2048 || fresh->block_size > LARGEST_BLOCK)
		return EBADMSG;
	/* An index counts in clusters or in 512 bytes, in one byte. */
	if (fresh->block_size < fresh->cluster_size && fresh->block_size / OSD_FIXUP_BLOCK > 127)
		return EBADMSG;
	return 0;
}

/* Return a record of the system. */
uint8_t *
osd_fresh_record(const struct osd_fresh *fresh, uint32_t number)
{
	return fresh->records + (size_t)number * fresh->record_size;
}

static int
read_records(struct osd_fresh *fresh, uint64_t mft_lcn)
{
	const uint8_t *data;
	uint8_t *first;
	int error;

	fresh->records = calloc(OSD_FIRST_FILE, fresh->record_size);
	if (fresh->records == NULL)
		return ENOMEM;
	first = fresh->records;
	error = osd_area_read(&fresh->area, first, fresh->record_size, mft_lcn * fresh->cluster_size);
	if (error == 0)
		error = osd_fixups_undo(first, fresh->record_size, "FILE");
	if (error == 0)
		error = osd_record_check(first, fresh->record_size);
	if (error == 0)
		error = osd_attribute_runs(osd_record_find(first, OSD_DATA, ""), fresh->clusters, &fresh->mft);
	if (error == 0)
		error = osd_attribute_runs(osd_record_find(first, OSD_BITMAP, ""), fresh->clusters, &fresh->mft_bitmap);
	if (error != 0)
		return error;
	data = osd_record_find(first, OSD_DATA, "");
	fresh->record_end = get64(data + 48) / fresh->record_size;
	if (fresh->record_end < OSD_SYSTEM_FILES - 3 || fresh->record_end > MOST_RECORDS ||
	    get64(data + 48) % fresh->record_size != 0)
		return EBADMSG;
	fresh->record_count = fresh->record_end < OSD_FIRST_FILE ? (uint32_t)fresh->record_end : OSD_FIRST_FILE;
	error = osd_extents_read(fresh, &fresh->mft, fresh->records, (uint64_t)fresh->record_count * fresh->record_size, 0);
	for (uint32_t i = 0; error == 0 && i < fresh->record_count; i++) {
		error = osd_fixups_undo(osd_fresh_record(fresh, i), fresh->record_size, "FILE");
		if (error == 0)
			error = osd_record_check(osd_fresh_record(fresh, i), fresh->record_size);
	}
	return error;
}

/* Check that nobody uses the records behind those that are read: mkntfs fills a cluster with them. */
static int
check_more_records(struct osd_fresh *fresh)
{
	uint8_t *record = malloc(fresh->record_size);
	int error = record == NULL ? ENOMEM : 0;

	for (uint64_t i = fresh->record_count; error == 0 && i < fresh->record_end; i++) {
		error = osd_extents_read(fresh, &fresh->mft, record, fresh->record_size, i * fresh->record_size);
		if (error == 0)
			error = osd_fixups_undo(record, fresh->record_size, "FILE");
		if (error == 0 && osd_record_is_in_use(record))
			error = EBADMSG;
	}
	free(record);
	return error;
}

/* Whether all records in use are of the system, and each is all in one. */
static int
is_new(const struct osd_fresh *fresh)
{
	for (uint32_t i = 0; i < fresh->record_count; i++) {
		const uint8_t *record = osd_fresh_record(fresh, i), *name;
		uint32_t size;

		if (!osd_record_is_in_use(record))
			continue;
		if (i >= OSD_SYSTEM_FILES || get64(record + 32) != 0 ||
		    osd_record_find(record, OSD_ATTRIBUTE_LIST, "") != NULL)
			return 0;
		if (i < OSD_FILES_NAMED || i >= 24) {
			uint64_t parent = i < OSD_FILES_NAMED ? OSD_FILE_ROOT : OSD_FILE_EXTEND;

			if (osd_attribute_value(osd_record_find(record, OSD_FILE_NAME, ""), &name, &size) != 0 ||
			    size < 66 || size != 66 + 2u * name[64] || (get64(name) & 0xFFFFFFFFFFFF) != parent)
				return 0;
		}
	}
	for (uint32_t i = 0; i < OSD_FILES_NAMED; i++)
		if (i >= fresh->record_count || !osd_record_is_in_use(osd_fresh_record(fresh, i)))
			return 0;
	return get16(osd_fresh_record(fresh, OSD_FILE_ROOT) + 16) == OSD_ROOT_SEQUENCE;
}

/* The copy of the first records: four, or as many as a cluster holds. */
static int
read_mirror(struct osd_fresh *fresh)
{
	const uint8_t *data = osd_record_find(osd_fresh_record(fresh, OSD_FILE_MIRROR), OSD_DATA, "");
	int error = osd_attribute_runs(data, fresh->clusters, &fresh->mirror);

	if (error != 0)
		return error;
	fresh->mirror_size = get64(data + 48);
	if (fresh->mirror_size < 4 * (uint64_t)fresh->record_size || fresh->mirror_size % fresh->record_size != 0 ||
	    fresh->mirror_size > fresh->mirror.clusters * fresh->cluster_size)
		return EBADMSG;
	return 0;
}

/* The version of the volume, its flags, and its journal, which nobody has written to. */
static int
read_state(struct osd_fresh *fresh)
{
	const uint8_t *information;
	uint32_t size;
	struct osd_extents log = { 0 };
	uint8_t begin[4];
	int error = osd_attribute_value(osd_record_find(osd_fresh_record(fresh, OSD_FILE_VOLUME), OSD_VOLUME_INFORMATION,
							""), &information, &size);

	if (error != 0 || size < 12 || information[8] != 3 || information[9] != 1)
		return EBADMSG;
	fresh->volume_flags = get16(information + 10);
	if ((fresh->volume_flags & ~OSD_VOLUME_IS_DIRTY) != 0)
		return EBADMSG;
	error = osd_attribute_runs(osd_record_find(osd_fresh_record(fresh, OSD_FILE_LOG), OSD_DATA, ""), fresh->clusters, &log);
	if (error == 0)
		error = osd_extents_read(fresh, &log, begin, sizeof(begin), 0);
	osd_extents_release(&log);
	if (error == 0 && get32(begin) != 0xFFFFFFFF)
		error = EBADMSG;
	return error;
}

static int
read_upcase(struct osd_fresh *fresh)
{
	const uint8_t *data = osd_record_find(osd_fresh_record(fresh, OSD_FILE_UPCASE), OSD_DATA, "");
	struct osd_extents runs = { 0 };
	int error = osd_attribute_runs(data, fresh->clusters, &runs);

	if (error == 0 && get64(data + 48) != UPCASE_BYTES)
		error = EBADMSG;
	if (error == 0) {
		fresh->upcase = malloc(UPCASE_BYTES);
		error = fresh->upcase == NULL ? ENOMEM : osd_extents_read(fresh, &runs, fresh->upcase, UPCASE_BYTES, 0);
	}
	for (size_t i = 0; error == 0 && i < UPCASE_UNITS; i++)
		fresh->upcase[i] = le16toh(fresh->upcase[i]);
	osd_extents_release(&runs);
	return error;
}

/*
 * Read a volume that was just formatted.  0, EBADMSG for one that is not (used, damaged, made in another way), ENOMEM, or
 * the error of a read.  Whatever comes, it must be released.
 */
int
osd_fresh_read(struct osd_fresh *fresh, struct osd_source *source, uint64_t begin, uint64_t length)
{
	uint64_t mft_lcn;
	int error;

	memset(fresh, 0, sizeof(*fresh));
	fresh->area = (struct osd_area){ .source = osd_source_keep(source), .begin = begin, .length = length };
	error = read_geometry(fresh, &mft_lcn);
	if (error == 0)
		error = read_records(fresh, mft_lcn);
	if (error == 0)
		error = check_more_records(fresh);
	if (error == 0 && !is_new(fresh))
		error = EBADMSG;
	if (error == 0)
		error = read_mirror(fresh);
	if (error == 0)
		error = read_state(fresh);
	if (error == 0)
		error = read_upcase(fresh);
	if (error == 0)
		error = osd_fresh_find_free(fresh);
	if (error == 0)
		error = osd_fresh_compare_bitmap(fresh);
	return error;
}

/* Free what was read. */
void
osd_fresh_release(struct osd_fresh *fresh)
{
	if (fresh->area.source != NULL)
		osd_source_release(fresh->area.source);
	free(fresh->upcase);
	free(fresh->records);
	osd_extents_release(&fresh->mft);
	osd_extents_release(&fresh->mirror);
	osd_extents_release(&fresh->mft_bitmap);
	osd_extents_release(&fresh->bitmap);
	osd_extents_release(&fresh->free);
	memset(fresh, 0, sizeof(*fresh));
}

/* Find the record of a file of $Extend.  0, or EBADMSG. */
int
osd_fresh_find(const struct osd_fresh *fresh, const char *name, uint32_t *number)
{
	size_t length = strlen(name);

	for (uint32_t i = 24; i < fresh->record_count; i++) {
		const uint8_t *record = osd_fresh_record(fresh, i), *value;
		uint32_t size;
		size_t same = 0;

		if (!osd_record_is_in_use(record) ||
		    osd_attribute_value(osd_record_find(record, OSD_FILE_NAME, ""), &value, &size) != 0)
			continue;
		while (same < length && value[64] == length && get16(value + 66 + 2 * same) == (uint8_t)name[same])
			same++;
		if (same == length) {
			*number = i;
			return 0;
		}
	}
	return EBADMSG;
}

/* Write the flag of the volume, into its record and the mirror of that. */
int
osd_fresh_mark(const struct osd_fresh *fresh, int is_dirty)
{
	uint8_t *kept = osd_fresh_record(fresh, OSD_FILE_VOLUME), *record = malloc(fresh->record_size);
	uint8_t *information;
	uint64_t at = (uint64_t)OSD_FILE_VOLUME * fresh->record_size;
	int error;

	if (record == NULL)
		return ENOMEM;
	information = kept + (osd_record_find(kept, OSD_VOLUME_INFORMATION, "") - kept);
	information += get16(information + 20);
	put16(information + 10, is_dirty ? OSD_VOLUME_IS_DIRTY : 0);
	memcpy(record, kept, fresh->record_size);
	osd_fixups_apply(record);
	osd_fixups_follow(kept, record);
	error = osd_extents_write(fresh, &fresh->mft, record, fresh->record_size, at);
	if (error == 0)
		error = osd_extents_write(fresh, &fresh->mirror, record, fresh->record_size, at);
	free(record);
	return error;
}

/* Tell whether a volume is as it was formatted: 1, 0, or -1 with errno. */
int
osd_fresh_is_new(struct osd_source *source, uint64_t begin, uint64_t length)
{
	struct osd_fresh fresh;
	int error = osd_fresh_read(&fresh, source, begin, length);

	osd_fresh_release(&fresh);
	if (error == 0 || error == EBADMSG)
		return error == 0;
	return fail(error);
}
