/*
 * Files of an NTFS volume that claim more than their clusters hold.
 *
 * libntfs-3g believes the sizes in a record: what lies behind the clusters, or behind the bytes that were ever written,
 * it reads as zeros, terabytes of them if a record says so, and a run that ends too early it finds when it gets there.
 * So the records are passed over once before a volume is captured; only what they say is compared.  What libwim does not
 * read is counted on the way: extended attributes of files, what is in a directory that has a reparse point, and what a
 * cloud has a hand in.
 */
#define _GNU_SOURCE
#include "ntfs/volume.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* ntfs-3g's headers use what errno.h, stdarg.h, sys/stat.h and time.h declare, and include none of them. */
#include <ntfs-3g/types.h>
#include <ntfs-3g/attrib.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/mft.h>
#include <ntfs-3g/volume.h>

#include "fail.h"

#define AT_ONCE 256

/* Read a number of some bytes, lowest first, with its sign. */
static int64_t
number_of(const uint8_t *bytes, unsigned size)
{
	uint64_t value = size > 0 && (bytes[size - 1] & 0x80) != 0 ? UINT64_MAX : 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

/* Tell whether the runs (mapping pairs) are as many clusters as the attribute says, all of them in the volume. */
static int
runs_are_sound(const ntfs_volume *volume, const ATTR_RECORD *attribute, uint32_t length)
{
	const uint32_t at = le16_to_cpu(attribute->mapping_pairs_offset);
	const uint8_t *cursor = (const uint8_t *)attribute + at, *end = (const uint8_t *)attribute + length;
	int64_t left = (int64_t)sle64_to_cpu(attribute->highest_vcn) - (int64_t)sle64_to_cpu(attribute->lowest_vcn) + 1;
	int64_t cluster = 0;

	if (at > length || left < 0)
		return 0;
	while (cursor < end && *cursor != 0) {
		const unsigned count_size = *cursor & 0x0f, offset_size = *cursor >> 4;
		int64_t count;

		if (count_size == 0 || count_size > 8 || offset_size > 8 ||
		    (size_t)(end - cursor) < 1 + count_size + offset_size)
			return 0;
		count = number_of(cursor + 1, count_size);
		if (count <= 0 || count > left)
			return 0;
		if (offset_size > 0) {
			if (__builtin_add_overflow(cluster, number_of(cursor + 1 + count_size, offset_size), &cluster) ||
			    cluster < 0 || cluster > volume->nr_clusters - count)
				return 0;
		}
		left -= count;
		cursor += 1 + count_size + offset_size;
	}
	return left == 0;
}

static int
is_sound(const ntfs_volume *volume, const ATTR_RECORD *attribute, uint32_t length, int has_list)
{
	int64_t allocated, size, vcns;

	if (!attribute->non_resident)
		return length >= 24 && le16_to_cpu(attribute->value_offset) <= length &&
		       le32_to_cpu(attribute->value_length) <= length - le16_to_cpu(attribute->value_offset);
	if (length < 64 || !runs_are_sound(volume, attribute, length))
		return 0;
	if (sle64_to_cpu(attribute->lowest_vcn) != 0)
		return 1; /* only the first part has sizes */
	allocated = (int64_t)sle64_to_cpu(attribute->allocated_size);
	size = (int64_t)sle64_to_cpu(attribute->data_size);
	vcns = (int64_t)sle64_to_cpu(attribute->highest_vcn) + 1;
	if (size < 0 || size > allocated)
		return 0;
	/* With an attribute list, the clusters of other records count, too. */
	return has_list || allocated / volume->cluster_size <= vcns;
}

/*
 * Tell whether an attribute is the first of extended attributes that somebody misses.  The names that begin with
 * $Kernel.Purge are caches of the kernel, which Windows drops itself when the file is written (Microsoft, "Kernel
 * Extended Attributes").  What lies in clusters is not read, and counts.
 */
static int
is_missed(const ATTR_RECORD *attribute, uint32_t length)
{
	static const char purged[] = "$KERNEL.PURGE";
	const uint8_t *value = (const uint8_t *)attribute;
	uint32_t at, end;

	if (attribute->non_resident)
		return length >= 64 && sle64_to_cpu(attribute->lowest_vcn) == 0;
	at = le16_to_cpu(attribute->value_offset);
	end = le32_to_cpu(attribute->value_length);
	if (at > length || end > length - at)
		return 1;
	for (end += at; end - at >= sizeof(EA_ATTR);) {
		const EA_ATTR *one = (const EA_ATTR *)(value + at);
		const uint32_t next = le32_to_cpu(one->next_entry_offset);

		if (one->name_length > end - at - sizeof(EA_ATTR) || one->name_length < sizeof(purged) - 1 ||
		    strncasecmp((const char *)value + at + sizeof(EA_ATTR), purged, sizeof(purged) - 1) != 0)
			return 1;
		if (next < sizeof(EA_ATTR) || next > end - at)
			break;
		at += next;
	}
	return 0;
}

/* Tell whether an attribute is the index of a directory in which something is. */
static int
is_filled(const ATTR_RECORD *attribute, uint32_t length)
{
	const uint32_t at = le16_to_cpu(attribute->value_offset);
	const INDEX_ROOT *root = (const INDEX_ROOT *)((const uint8_t *)attribute + at);
	uint32_t first;

	if (attribute->non_resident || at > length || length - at < sizeof(INDEX_ROOT))
		return 0;
	first = at + (uint32_t)offsetof(INDEX_ROOT, index) + le32_to_cpu(root->index.entries_offset);
	if ((root->index.ih_flags & LARGE_INDEX) != 0)
		return 1;
	if (le32_to_cpu(root->index.entries_offset) > length || first > length || length - first < sizeof(INDEX_ENTRY_HEADER))
		return 0;
	return (((const INDEX_ENTRY_HEADER *)((const uint8_t *)attribute + first))->flags & INDEX_ENTRY_END) ==
	       const_cpu_to_le16(0);
}

/*
 * Tell whether a reparse point may be one of a cloud (IO_REPARSE_TAG_CLOUD and IO_REPARSE_TAG_CLOUD_1 to _F of ntifs.h).
 * What lies in clusters is not read, and may be.
 */
static int
may_be_of_cloud(const ATTR_RECORD *attribute, uint32_t length)
{
	const uint32_t at = le16_to_cpu(attribute->value_offset);
	uint32_t tag;

	if (attribute->non_resident)
		return 1;
	if (at > length || length - at < sizeof(tag))
		return 0;
	memcpy(&tag, (const uint8_t *)attribute + at, sizeof(tag));
	return (le32_to_cpu((le32)tag) & ~0xf000U) == 0x9000001aU;
}

/* Tell whether all contents that a record describes are as large as it says; count what is not read of it. */
static int
record_is_sound(const ntfs_volume *volume, const MFT_RECORD *record, struct osd_ntfs_unread *unread)
{
	const uint32_t used = le32_to_cpu(record->bytes_in_use);
	const uint8_t *bytes = (const uint8_t *)record;
	int has_list = 0, has_missed = 0, has_point = 0, has_files = 0, has_cloud = 0;

	if (used > volume->mft_record_size)
		return 0;
	for (uint32_t at = le16_to_cpu(record->attrs_offset); at + 16 <= used;) {
		const ATTR_RECORD *attribute = (const ATTR_RECORD *)(bytes + at);
		const uint32_t length = le32_to_cpu(attribute->length);

		if (attribute->type == AT_END)
			break;
		if (length < 24 || length % 8 != 0 || length > used - at)
			return 0;
		if (attribute->type == AT_ATTRIBUTE_LIST)
			has_list = 1;
		else if (attribute->type == AT_DATA && !is_sound(volume, attribute, length, has_list))
			return 0;
		else if (attribute->type == AT_EA && is_missed(attribute, length))
			has_missed = 1;
		else if (attribute->type == AT_REPARSE_POINT) {
			has_cloud = may_be_of_cloud(attribute, length);
			has_point = !has_cloud;
		}
		else if (attribute->type == AT_INDEX_ROOT && (record->flags & MFT_RECORD_IS_DIRECTORY))
			has_files = is_filled(attribute, length);
		at += length;
	}
	unread->extended += has_missed;
	unread->directories += has_point && has_files;
	unread->clouded += has_cloud;
	return 1;
}

/*
 * Look for a record whose contents claim more than their clusters hold, or have clusters that cannot be.  Returns its
 * number, 0 when there is none (the record of the MFT itself was read by then), or -1 with errno.  With 0, ``unread``
 * has what libwim will not read.
 */
int64_t
osd_ntfs_find_false_claim(struct _ntfs_volume *volume, struct osd_ntfs_unread *unread)
{
	const int64_t size = volume->mft_record_size;
	const int64_t records = volume->mft_na->initialized_size / size;
	uint8_t *buffer = malloc((size_t)(AT_ONCE * size));
	int64_t found = 0;

	*unread = (struct osd_ntfs_unread){0};
	if (buffer == NULL)
		return fail(ENOMEM);
	for (int64_t first = 0; first < records && found == 0; first += AT_ONCE) {
		const int64_t wanted = records - first < AT_ONCE ? records - first : AT_ONCE;
		const int64_t got = ntfs_attr_mst_pread(volume->mft_na, first * size, wanted, (u32)size, buffer);

		if (got < 0) {
			found = -1;
			break;
		}
		for (int64_t i = 0; i < got; i++) {
			const MFT_RECORD *record = (const MFT_RECORD *)(buffer + i * size);

			/* What was not written whole is found by whoever opens it. */
			if (first + i == 0 || !ntfs_is_file_record(record->magic) ||
			    (record->flags & MFT_RECORD_IN_USE) == const_cpu_to_le16(0))
				continue;
			if (!record_is_sound(volume, record, unread)) {
				found = first + i;
				break;
			}
		}
		if (got < wanted)
			break;
	}
	free(buffer);
	return found;
}
