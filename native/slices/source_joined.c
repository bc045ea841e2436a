/*
 * A source of two: a window of one, and all of another behind it.  It is only read.
 */
#include "slices/source.h"

#include <errno.h>
#include <stdlib.h>

struct joined {
	struct osd_source source;
	struct osd_source *first;
	int64_t begin;			/* of the window of the first */
	int64_t length;
	struct osd_source *second;
};

static struct joined *
joined_of(struct osd_source *source)
{
	return (struct joined *)source;
}

static int
joined_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	const struct joined *joined = joined_of(source);
	int64_t part = at >= joined->length ? 0 : size < joined->length - at ? size : joined->length - at;

	if (part > 0 && osd_source_read(joined->first, buffer, part, joined->begin + at) != 0)
		return -1;
	if (part == size)
		return 0;
	return osd_source_read(joined->second, buffer + part, size - part, at + part - joined->length);
}

static int64_t
joined_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	const struct joined *joined = joined_of(source);
	int64_t found;

	if (at < joined->length) {
		int64_t stop = end < joined->length ? end : joined->length;

		found = osd_source_find(joined->first, what, joined->begin + at, joined->begin + stop);
		if (found < 0 || found - joined->begin < stop || stop == end)
			return found < 0 ? found : found - joined->begin;
		at = stop;
	}
	found = osd_source_find(joined->second, what, at - joined->length, end - joined->length);
	return found < 0 ? found : found + joined->length;
}

static void
joined_close(struct osd_source *source)
{
	struct joined *joined = joined_of(source);

	osd_source_release(joined->first);
	osd_source_release(joined->second);
	free(joined);
}

static const struct osd_source_ops joined_ops = {
	.read = joined_read,
	.writev = osd_source_no_writev,
	.find = joined_find,
	.zero = osd_source_no_zero,
	.sync = osd_source_no_sync,
	.close = joined_close,
};

/*
 * Make a source of a window of one source and all of another behind it.  NULL with errno: EINVAL when the window does
 * not lie in the first, ENOMEM.
 */
struct osd_source *
osd_source_joined(struct osd_source *first, int64_t begin, int64_t length, struct osd_source *second)
{
	struct joined *joined;

	if (!osd_source_holds(first, length, begin) || second->size > INT64_MAX - length) {
		errno = EINVAL;
		return NULL;
	}
	joined = calloc(1, sizeof(*joined));
	if (joined == NULL)
		return NULL;
	joined->first = osd_source_keep(first);
	joined->begin = begin;
	joined->length = length;
	joined->second = osd_source_keep(second);
	osd_source_init(&joined->source, &joined_ops, length + second->size, 1);
	return &joined->source;
}
