/*
 * Emptying an NTFS volume but for protected paths.
 */
#define _GNU_SOURCE
#include "ntfs/volume.h"

#include "fail.h"
#include "ntfs/emptying.h"

#include <ntfs-3g/unistr.h>

struct path {
	const ntfschar *component;	/* the first of them */
	const ntfschar *end;
};

struct kept {
	struct path paths[OSD_NTFS_MOST_KEPT];
	unsigned count;
};

static int
split_kept(struct kept *kept, const ntfschar *paths, size_t length)
{
	const ntfschar *end = paths + length;

	while (paths < end) {
		const ntfschar *stop = paths;

		while (stop < end && *stop != 0)
			stop++;
		if (stop > paths) {
			if (kept->count == OSD_NTFS_MOST_KEPT)
				return fail(E2BIG);
			kept->paths[kept->count].component = paths;
			kept->paths[kept->count].end = stop;
			kept->count++;
		}
		paths = stop + 1;
	}
	return 0;
}

/* Find a component of a protected path, counted from 0; its length is 0 where the path has ended. */
static const ntfschar *
component(const struct path *path, unsigned depth, size_t *length)
{
	const ntfschar *from = path->component, *to;

	for (;; depth--) {
		for (to = from; to < path->end && le16_to_cpu(*to) != '\\'; to++)
			;
		if (depth == 0 || to == path->end)
			break;
		from = to + 1;
	}
	*length = depth == 0 ? (size_t)(to - from) : 0;
	return from;
}

/*
 * An entry that a protected path ends with stays, one that a path leads on through is emptied of the rest, all others
 * are deleted.  The purpose of a level is the protected paths that lead through it, as bits.
 */
static enum osd_fate
judge_kept(struct osd_emptying *emptying, const struct osd_entry *entry, uint64_t *through)
{
	const ntfs_volume *volume = emptying->volume;
	const struct kept *kept = emptying->context;

	for (unsigned i = 0; i < kept->count; i++) {
		size_t length, more;
		const ntfschar *name;

		if ((emptying->level->purpose & (UINT64_C(1) << i)) == 0)
			continue;
		name = component(&kept->paths[i], emptying->depth, &length);
		if (!ntfs_names_are_equal(entry->name, (size_t)entry->length, name, length, IGNORE_CASE, volume->upcase,
					  volume->upcase_len))
			continue;
		component(&kept->paths[i], emptying->depth + 1, &more);
		if (more == 0)
			return OSD_FATE_STAYS;
		*through |= UINT64_C(1) << i;
	}
	return *through != 0 ? OSD_FATE_EMPTIED : OSD_FATE_DELETED;
}

/*
 * Delete everything from a volume but the files of NTFS and the protected paths with all below them.  paths holds them
 * in UTF-16LE without a leading backslash, each ended by a zero; names are compared as the volume compares them,
 * without case.  Links and junctions are deleted, never followed.  Returns how many files and directories were deleted,
 * or -1 with errno: ELOOP when a directory contains itself, ECANCELED when report wanted no more.
 */
int64_t
osd_ntfs_wipe(struct _ntfs_volume *volume, const uint16_t *paths, size_t paths_length, osd_ntfs_report report,
	      void *listener)
{
	struct kept kept = { .count = 0 };
	struct osd_emptying emptying = {
		.volume = volume, .judge = judge_kept, .context = &kept, .report = report, .listener = listener
	};
	int result = split_kept(&kept, paths, paths_length);

	return osd_emptying_run(
		&emptying, result != 0 ? result : osd_emptying_enter(&emptying, FILE_root, ~UINT64_C(0), NULL));
}
