/*
 * NTFS keeps the first records of its MFT twice: those of the MFT itself, of its mirror, of the journal, and of $Volume,
 * which has the dirty flag.  libntfs-3g refuses a volume where the two differ.  Here is found where they are.
 */
#include "slices/mirror.h"

/* ntfs-3g's headers use what these declare, and include none of them. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

#include <ntfs-3g/types.h>
#include <ntfs-3g/endians.h>
#include <ntfs-3g/layout.h>

#define SMALLEST_SECTOR 512
#define LARGEST_CLUSTER (INT64_C(1) << 21)

/* A size that is stored as a number of clusters or, below zero, as a power of two. */
static int64_t
coded_size(int8_t code, int64_t cluster)
{
	if (code < 0)
		return code > -32 ? INT64_C(1) << -code : 0;
	return code * cluster;
}

/* Find the range of a number of bytes from a cluster on: whether it lies in the window. */
static int
locate(const struct osd_window *window, sle64 lcn, int64_t cluster, int64_t length, int64_t *offset)
{
	int64_t number = sle64_to_cpu(lcn);

	if (number <= 0 || number > window->length / cluster)
		return 0;
	*offset = number * cluster;
	return length <= window->length - *offset;
}

/* Find the records in a window that holds an NTFS volume, by its boot sector.  Returns 0 when it holds none. */
int
osd_mirror_find(const struct osd_window *window, struct osd_mirror *mirror)
{
	struct osd_slice_counters counters = { .reads = 0 };
	NTFS_BOOT_SECTOR boot;
	int64_t cluster, record;
	unsigned sectors;

	if (window->length < (int64_t)sizeof(boot) ||
	    osd_window_read(window, (uint8_t *)&boot, sizeof(boot), 0, &counters) != 0 ||
	    boot.oem_id != magicNTFS)
		return 0;
	sectors = boot.bpb.sectors_per_cluster;
	/* Above 128 it is a negative power of two. */
	if (sectors > 128)
		sectors = 1u << (256 - sectors < 31 ? 256 - sectors : 31);
	cluster = (int64_t)le16_to_cpu(boot.bpb.bytes_per_sector) * sectors;
	if (cluster < SMALLEST_SECTOR || cluster > LARGEST_CLUSTER)
		return 0;
	record = coded_size(boot.clusters_per_mft_record, cluster);
	if (record <= 0 || record > LARGEST_CLUSTER)
		return 0;
	/* Four records, or as many as a cluster holds (ntfs_boot_sector_parse). */
	mirror->length = cluster > 4 * record ? cluster : 4 * record;
	return locate(window, boot.mft_lcn, cluster, mirror->length, &mirror->records) &&
	       locate(window, boot.mftmirr_lcn, cluster, mirror->length, &mirror->copies);
}
