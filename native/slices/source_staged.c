/*
 * A source whose changes are held back in memory: the source below stays as it is until somebody carries them out.
 *
 * Pages of 4 KiB are held.  Two kinds of pages are never: those outside of a window, which cannot be changed at all, and
 * those of the window in which nothing is stored yet (its clusters are free), which are written below at once.  So what
 * is held is small: what an edit of a volume changes in place, not the files that it adds.
 *
 * It remembers which pages were written below, for whoever looks for room that is still free.
 */
#define _GNU_SOURCE
#include "slices/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

#define PAGE OSD_STAGED_PAGE
/* Pages of a leaf: 2 MiB. */
#define LEAF 512

struct leaf {
	uint8_t *held[LEAF];
	uint8_t is_passed[LEAF];
};

struct staged {
	struct osd_source source;
	struct osd_source *below;
	int64_t begin;			/* of the window */
	int64_t length;
	uint8_t *used;			/* a bit for each cluster of the window, 1 for one that is in use; NULL: all are */
	int64_t clusters;
	int64_t cluster_size;
	pthread_mutex_t lock;
	struct leaf **leaves;
	int64_t leaf_count;
};

static struct staged *
staged_of(struct osd_source *source)
{
	return (struct staged *)source;
}

static int64_t
page_length(const struct staged *staged, int64_t page)
{
	int64_t left = staged->length - page * PAGE;

	return left < PAGE ? left : PAGE;
}

static uint8_t *
held_page(const struct staged *staged, int64_t page)
{
	const struct leaf *leaf = staged->leaves[page / LEAF];

	return leaf == NULL ? NULL : leaf->held[page % LEAF];
}

static struct leaf *
leaf_for(struct staged *staged, int64_t page)
{
	struct leaf **leaf = &staged->leaves[page / LEAF];

	if (*leaf == NULL)
		*leaf = calloc(1, sizeof(**leaf));
	return *leaf;
}

/* Whether all that a page holds lies in clusters that are free. */
static int
is_free(const struct staged *staged, int64_t page)
{
	int64_t first, last;

	if (staged->used == NULL)
		return 0;
	first = page * PAGE / staged->cluster_size;
	last = (page * PAGE + page_length(staged, page) - 1) / staged->cluster_size;
	for (int64_t cluster = first; cluster <= last; cluster++)
		if (cluster >= staged->clusters || staged->used[cluster / 8] >> cluster % 8 & 1)
			return 0;
	return 1;
}

/* Call what is below with a part of the window. */
static int
write_below(struct staged *staged, const uint8_t *data, int64_t size, int64_t at)
{
	struct iovec piece = { .iov_base = (uint8_t *)(uintptr_t)data, .iov_len = (size_t)size };

	return staged->below->ops->writev(staged->below, &piece, 1, staged->begin + at);
}

static int
hold(struct staged *staged, const uint8_t *data, int64_t size, int64_t page, int64_t inside)
{
	struct leaf *leaf = leaf_for(staged, page);
	uint8_t **held;

	if (leaf == NULL)
		return fail(ENOMEM);
	held = &leaf->held[page % LEAF];
	if (*held == NULL) {
		uint8_t *made = calloc(1, PAGE);
		int64_t length = page_length(staged, page);

		if (made == NULL)
			return fail(ENOMEM);
		if (size < length &&
		    staged->below->ops->read(staged->below, made, length, staged->begin + page * PAGE) != 0) {
			free(made);
			return -1;
		}
		*held = made;
	}
	memcpy(*held + inside, data, (size_t)size);
	return 0;
}

/* Write a part of the window: pages in which nothing is stored below, all others here. */
static int
write_window(struct staged *staged, const uint8_t *data, int64_t size, int64_t at)
{
	while (size > 0) {
		int64_t page = at / PAGE, inside = at % PAGE, part = page_length(staged, page) - inside;

		if (part > size)
			part = size;
		if (held_page(staged, page) != NULL || !is_free(staged, page)) {
			if (hold(staged, data, part, page, inside) != 0)
				return -1;
		} else {
			/* As many as follow, in one call. */
			for (int64_t next = page; next * PAGE < at + size; next++) {
				struct leaf *leaf;

				if (held_page(staged, next) != NULL || !is_free(staged, next))
					break;
				leaf = leaf_for(staged, next);
				if (leaf == NULL)
					return fail(ENOMEM);
				leaf->is_passed[next % LEAF] = 1;
				part = next * PAGE + page_length(staged, next) - at;
			}
			if (part > size)
				part = size;
			if (write_below(staged, data, part, at) != 0)
				return -1;
		}
		data += part;
		at += part;
		size -= part;
	}
	return 0;
}

/* ---- the operations */

static int
staged_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	struct staged *staged = staged_of(source);
	int64_t first, last;

	/* All of it at once, and then what is held over it. */
	pthread_mutex_lock(&staged->lock);
	if (size > 0 && staged->below->ops->read(staged->below, buffer, size, at) != 0) {
		pthread_mutex_unlock(&staged->lock);
		return -1;
	}
	first = at < staged->begin ? 0 : (at - staged->begin) / PAGE;
	last = (at + size < staged->begin + staged->length ? at + size - staged->begin : staged->length) - 1;
	for (int64_t page = first; last >= 0 && page <= last / PAGE; page++) {
		const uint8_t *held;
		int64_t begin, end;

		if (staged->leaves[page / LEAF] == NULL) {
			page = (page / LEAF + 1) * LEAF - 1;
			continue;
		}
		held = held_page(staged, page);
		if (held == NULL)
			continue;
		begin = staged->begin + page * PAGE;
		end = begin + page_length(staged, page);
		if (begin < at) {
			held += at - begin;
			begin = at;
		}
		if (end > at + size)
			end = at + size;
		if (begin < end)
			memcpy(buffer + (begin - at), held, (size_t)(end - begin));
	}
	pthread_mutex_unlock(&staged->lock);
	return 0;
}

static int
staged_writev(struct osd_source *source, struct iovec *pieces, int count, int64_t at)
{
	struct staged *staged = staged_of(source);
	int result = 0;

	pthread_mutex_lock(&staged->lock);
	for (int i = 0; i < count && result == 0; i++) {
		int64_t size = (int64_t)pieces[i].iov_len;

		if (at < staged->begin || at + size > staged->begin + staged->length)
			result = fail(EROFS);
		else
			result = write_window(staged, pieces[i].iov_base, size, at - staged->begin);
		at += size;
	}
	pthread_mutex_unlock(&staged->lock);
	return result;
}

/* What is held may lie in a hole of what is below; everything held counts as data. */
static int64_t
staged_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	struct staged *staged = staged_of(source);
	int64_t found, begin = staged->begin, page;

	pthread_mutex_lock(&staged->lock);
	found = staged->below->ops->find(staged->below, what, at, end);
	if (what == OSD_FIND_HOLE) {
		while (found >= begin && found < end && found < begin + staged->length) {
			page = (found - begin) / PAGE;
			if (held_page(staged, page) == NULL)
				break;
			found = begin + page * PAGE + page_length(staged, page);
			if (found < end)
				found = staged->below->ops->find(staged->below, what, found, end);
		}
	} else {
		int64_t stop = found < 0 || found > end ? end : found;

		for (page = at < begin ? 0 : (at - begin) / PAGE; begin + page * PAGE < stop && page * PAGE < staged->length;
		     page++) {
			if (staged->leaves[page / LEAF] == NULL) {
				page = (page / LEAF + 1) * LEAF - 1;
				continue;
			}
			if (held_page(staged, page) != NULL) {
				found = begin + page * PAGE > at ? begin + page * PAGE : at;
				break;
			}
		}
	}
	pthread_mutex_unlock(&staged->lock);
	return found > end ? end : found;
}

/* Zeros are written like all else. */
static int
staged_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch)
{
	(void)source;
	(void)size;
	(void)at;
	(void)may_punch;
	return 0;
}

static void
staged_close(struct osd_source *source)
{
	struct staged *staged = staged_of(source);

	for (int64_t i = 0; i < staged->leaf_count; i++) {
		for (int j = 0; staged->leaves[i] != NULL && j < LEAF; j++)
			free(staged->leaves[i]->held[j]);
		free(staged->leaves[i]);
	}
	free(staged->leaves);
	free(staged->used);
	pthread_mutex_destroy(&staged->lock);
	osd_source_release(staged->below);
	free(staged);
}

static const struct osd_source_ops staged_ops = {
	.read = staged_read,
	.writev = staged_writev,
	.find = staged_find,
	.zero = staged_zero,
	.sync = osd_source_no_sync,
	.close = staged_close,
};

/*
 * Make a source that holds back what is written to a window of another.  used tells which clusters of the window are in
 * use, lowest bit first; it may be NULL: then everything is held, and the source below is never written.  Returns NULL
 * with errno: EINVAL when the window does not lie in the source, ENOMEM.
 */
struct osd_source *
osd_source_staged(struct osd_source *below, int64_t begin, int64_t length, const uint8_t *used, int64_t clusters,
		  int64_t cluster_size)
{
	struct staged *staged;

	if (!osd_source_holds(below, length, begin) || length <= 0 || (used != NULL && cluster_size <= 0)) {
		errno = EINVAL;
		return NULL;
	}
	staged = calloc(1, sizeof(*staged));
	if (staged == NULL)
		return NULL;
	staged->begin = begin;
	staged->length = length;
	staged->clusters = clusters;
	staged->cluster_size = cluster_size;
	staged->leaf_count = length / ((int64_t)PAGE * LEAF) + 1;
	staged->leaves = calloc((size_t)staged->leaf_count, sizeof(struct leaf *));
	staged->used = used == NULL ? NULL : malloc((size_t)((clusters + 7) / 8 + 1));
	if (staged->leaves == NULL || (used != NULL && staged->used == NULL)) {
		free(staged->leaves);
		free(staged->used);
		free(staged);
		errno = ENOMEM;
		return NULL;
	}
	if (used != NULL)
		memcpy(staged->used, used, (size_t)((clusters + 7) / 8));
	pthread_mutex_init(&staged->lock, NULL);
	staged->below = osd_source_keep(below);
	osd_source_init(&staged->source, &staged_ops, below->size, 0);
	return &staged->source;
}

/* Return the first page of the window from this one on that is held, or -1. */
int64_t
osd_staged_next(struct osd_source *source, int64_t page)
{
	struct staged *staged = staged_of(source);
	int64_t found = -1;

	pthread_mutex_lock(&staged->lock);
	for (; page >= 0 && page * PAGE < staged->length; page++) {
		if (staged->leaves[page / LEAF] == NULL) {
			page = (page / LEAF + 1) * LEAF - 1;
			continue;
		}
		if (held_page(staged, page) != NULL) {
			found = page;
			break;
		}
	}
	pthread_mutex_unlock(&staged->lock);
	return found;
}

/* Tell whether something of a range of the window was written, here or below. */
int
osd_staged_touched(struct osd_source *source, int64_t size, int64_t at)
{
	struct staged *staged = staged_of(source);
	int found = 0;

	pthread_mutex_lock(&staged->lock);
	for (int64_t page = at / PAGE; !found && page * PAGE < at + size && page * PAGE < staged->length; page++) {
		const struct leaf *leaf = staged->leaves[page / LEAF];

		if (leaf == NULL)
			page = (page / LEAF + 1) * LEAF - 1;
		else
			found = leaf->held[page % LEAF] != NULL || leaf->is_passed[page % LEAF];
	}
	pthread_mutex_unlock(&staged->lock);
	return found;
}
