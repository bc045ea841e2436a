/* Emptying directories of an NTFS volume.  See emptying.c. */
#ifndef OSDIMAGE_NTFS_EMPTYING_H
#define OSDIMAGE_NTFS_EMPTYING_H

#include "ntfs/entries.h"
#include "ntfs/volume.h"

/* What becomes of an entry. */
enum osd_fate {
	OSD_FATE_FAILED = -1,		/* errno says why */
	OSD_FATE_DELETED,		/* with all below it that does not stay */
	OSD_FATE_EMPTIED,		/* only what is below it, if it is a directory; otherwise it is deleted */
	OSD_FATE_STAYS,			/* or has been moved away */
};

/* A directory that is being emptied, and what of it is left to do. */
struct osd_level {
	struct osd_level *parent;
	struct osd_entry *entries;
	struct osd_entry *self;		/* to be deleted when it is empty; NULL for one that stays */
	MFT_REF reference;
	uint64_t purpose;		/* what the judge wants to remember of it */
};

struct osd_emptying {
	ntfs_volume *volume;
	struct osd_level *level;	/* the deepest */
	unsigned depth;			/* of it; the first has 0 */
	int64_t removed;		/* entries that left their directory */
	/* Decide about an entry of the deepest level, and about the purpose of the level below it. */
	enum osd_fate (*judge)(struct osd_emptying *emptying, const struct osd_entry *entry, uint64_t *purpose);
	const void *context;		/* the judge's */
	osd_ntfs_report report;		/* or NULL */
	void *listener;
};

int osd_emptying_enter(struct osd_emptying *emptying, MFT_REF reference, uint64_t purpose, struct osd_entry *self);
int osd_emptying_count(struct osd_emptying *emptying);
int64_t osd_emptying_run(struct osd_emptying *emptying, int result);

#endif
