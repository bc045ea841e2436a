/*
 * What all sources have in common: who uses one, and the face for callers whose ranges nobody has checked.
 *
 * Its users are counted, for they end in any order: a device that libntfs-3g has open may outlive the slice by whose name
 * it was opened, and that the object of Python that the slice was made of.  The last of them closes it.
 *
 * A slice calls the operations themselves: its window was checked when it was made, and what is asked of the window is
 * checked by the device.
 */
#include "slices/source.h"

#include <errno.h>

#include "fail.h"

/* Fill in a source that was made; it has one user, who made it. */
void
osd_source_init(struct osd_source *source, const struct osd_source_ops *ops, int64_t size, int is_read_only)
{
	source->ops = ops;
	source->size = size;
	source->is_read_only = is_read_only;
	source->users = 1;
}

/* What a source does that is only read, where nobody should have asked it. */
int
osd_source_no_writev(struct osd_source *source, struct iovec *pieces, int count, int64_t at)
{
	(void)source;
	(void)pieces;
	(void)count;
	(void)at;
	return fail(EROFS);
}

int
osd_source_no_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch)
{
	(void)source;
	(void)size;
	(void)at;
	(void)may_punch;
	return fail(EROFS);
}

/*
 * Nothing was written to it.  Nor is what a source holds back meant to be on a medium: who carries it out syncs what was
 * written below.
 */
int
osd_source_no_sync(struct osd_source *source)
{
	(void)source;
	return 0;
}

/* Become a user of a source.  Returns it. */
struct osd_source *
osd_source_keep(struct osd_source *source)
{
	__atomic_add_fetch(&source->users, 1, __ATOMIC_RELAXED);
	return source;
}

/* Be a user no more; the last one closes the source. */
void
osd_source_release(struct osd_source *source)
{
	/* What the others did with it comes before it is closed. */
	if (__atomic_sub_fetch(&source->users, 1, __ATOMIC_ACQ_REL) == 0)
		source->ops->close(source);
}

/* Read a range.  Returns 0, or -1 with errno: EINVAL when it does not lie in the source. */
int
osd_source_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	if (!osd_source_holds(source, size, at))
		return fail(EINVAL);
	return source->ops->read(source, buffer, size, at);
}

/* Tell whether a range may be changed: 0, or -1 with errno EINVAL or EROFS. */
static int
check_change(const struct osd_source *source, int64_t size, int64_t at)
{
	if (source->is_read_only)
		return fail(EROFS);
	return osd_source_holds(source, size, at) ? 0 : fail(EINVAL);
}

/* Write a range.  Returns 0, or -1 with errno: EINVAL, EROFS. */
int
osd_source_write(struct osd_source *source, const uint8_t *buffer, int64_t size, int64_t at)
{
	/* writev does not write to the pieces. */
	struct iovec piece = { .iov_base = (uint8_t *)(uintptr_t)buffer, .iov_len = (size_t)size };

	if (check_change(source, size, at) != 0)
		return -1;
	return source->ops->writev(source, &piece, 1, at);
}

/*
 * Find the first data, or the first hole, of a range.  Returns where it begins, end when there is none, or -1 with
 * errno: EINVAL when the range does not lie in the source.
 */
int64_t
osd_source_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	if (at < 0 || end < at || end > source->size)
		return fail(EINVAL);
	return at == end ? end : source->ops->find(source, what, at, end);
}

/* Make a range zeros, where that is cheap.  Returns 1, 0 when it is not, or -1 with errno: EINVAL, EROFS. */
int
osd_source_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch)
{
	if (check_change(source, size, at) != 0)
		return -1;
	return size == 0 ? 1 : source->ops->zero(source, size, at, may_punch);
}

/* Wait until all that was written is on the medium.  Returns 0, or -1 with errno. */
int
osd_source_sync(struct osd_source *source)
{
	return source->ops->sync(source);
}
