/*
 * The disk of an NBD server as a source: what QEMU knows to read and write, through its qemu-nbd.
 *
 * Reading ahead: a read that goes on where the last one of its connection ended takes a MiB with it, which is one round
 * trip in place of the sixteen of a cache.  That what is read ahead, and what is known of zeros, is never older than
 * what was written is the care of nbd/links.c.
 *
 * The order of writes: when the server has answered it has the contents, and gives them to whoever reads; they come
 * into the file in the order that its format needs, which is QEMU's care.  So all that cache.c says of a killed
 * osdimage is so.  A server that is killed takes with it what it held: for its file that is as if the machine had lost
 * its power, and what was flushed is there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "nbd/links.h"
#include "slices/source.h"

/* What is read at once by who reads on. */
#define AHEAD OSD_NBD_PIECE
/* Edges of a range of zeros that a format may not make without writing: no cluster is larger. */
#define EDGE (INT64_C(2) << 20)

struct nbd {
	struct osd_source source;
	pthread_mutex_t asking;		/* for what is zeros; taken before the lock of the links */
	struct osd_nbd_links links;
};

static struct nbd *
nbd_of(struct osd_source *source)
{
	return (struct nbd *)source;
}

/* Whether the server can do something with the disk. */
static int
can(const struct nbd *nbd, uint16_t flag)
{
	return (osd_nbd_export_of(&nbd->links)->flags & flag) != 0;
}

/* ---- reading */

static int
fill_ahead(struct osd_nbd_link *link, int64_t at, int64_t size)
{
	link->ahead_begin = link->ahead_end = 0;
	if (link->ahead == NULL)
		link->ahead = malloc(AHEAD);
	if (link->ahead == NULL || osd_nbd_read(&link->connection, link->ahead, size, at) != 0)
		return -1;
	link->ahead_begin = at;
	link->ahead_end = at + size;
	return 0;
}

static int
read_by(struct osd_nbd_link *link, int64_t source_size, uint8_t *buffer, int64_t size, int64_t at)
{
	int reads_on = at == link->next;

	link->next = at + size;
	while (size > 0) {
		int64_t part;

		if (at >= link->ahead_begin && at < link->ahead_end) {
			part = link->ahead_end - at < size ? link->ahead_end - at : size;
			memcpy(buffer, link->ahead + (at - link->ahead_begin), (size_t)part);
			buffer += part;
			at += part;
			size -= part;
			continue;
		}
		part = source_size - at < AHEAD ? source_size - at : AHEAD;
		if (!reads_on || size >= part || fill_ahead(link, at, part) != 0) {
			/* What was asked for may be there when what is behind it cannot be read. */
			if (link->connection.broken != 0)
				return -1;
			return osd_nbd_read(&link->connection, buffer, size, at);
		}
	}
	return 0;
}

static int
nbd_read(struct osd_source *source, uint8_t *buffer, int64_t size, int64_t at)
{
	struct nbd *nbd = nbd_of(source);
	struct osd_nbd_link *link;

	if (size == 0)
		return 0;
	link = osd_nbd_take(&nbd->links, at);
	return link == NULL ? -1 : osd_nbd_give_back(&nbd->links, link, read_by(link, source->size, buffer, size, at));
}

/* ---- writing */

static int
nbd_writev(struct osd_source *source, struct iovec *pieces, int count, int64_t at)
{
	struct nbd *nbd = nbd_of(source);
	int64_t size = 0;
	struct osd_nbd_link *link;

	for (int i = 0; i < count; i++)
		size += (int64_t)pieces[i].iov_len;
	if (size == 0)
		return 0;
	link = osd_nbd_take(&nbd->links, -1);
	if (link == NULL)
		return -1;
	return osd_nbd_give_back_changed(&nbd->links, link, osd_nbd_write(&link->connection, pieces, count, at), size,
					 at);
}

static int
nbd_sync(struct osd_source *source)
{
	struct nbd *nbd = nbd_of(source);
	struct osd_nbd_link *link;

	if (source->is_read_only)
		return 0;
	if (!can(nbd, OSD_NBD_CAN_FLUSH))
		return fail(EOPNOTSUPP);
	link = osd_nbd_take(&nbd->links, -1);
	return link == NULL ? -1 : osd_nbd_give_back(&nbd->links, link, osd_nbd_flush(&link->connection));
}

/* ---- zeros */

/* What of a range is zeros, as the server tells it; see known.c. */
struct told {
	struct nbd *nbd;
	int64_t end;
};

static void
hear(void *listener, int64_t begin, int64_t end, int is_zero)
{
	struct told *told = listener;

	if (!is_zero) {
		pthread_mutex_lock(&told->nbd->links.lock);
		osd_nbd_known_mark(&told->nbd->links.known, begin, end);
		pthread_mutex_unlock(&told->nbd->links.lock);
	}
	told->end = end;
}

/* Ask for the run of a place, with both locks held; the second is given up meanwhile.  Returns 0, or -1 with errno. */
static int
ask_locked(struct nbd *nbd, int64_t at)
{
	struct osd_nbd_link *link = osd_nbd_take_locked(&nbd->links, -1);
	struct told told = { .nbd = nbd };
	struct osd_nbd_run *run;
	int result;

	if (link == NULL)
		return -1;
	run = osd_nbd_known_begin(&nbd->links.known, at, nbd->source.size);
	told.end = run->begin;
	pthread_mutex_unlock(&nbd->links.lock);
	result = osd_nbd_status(&link->connection, run->asked - run->begin, run->begin, hear, &told);
	pthread_mutex_lock(&nbd->links.lock);
	result = osd_nbd_give_back_locked(&nbd->links, link, result);
	if (nbd->links.error != 0)
		return fail(nbd->links.error);
	/* A server that cannot tell: all is data. */
	if (result != 0) {
		osd_nbd_known_mark(&nbd->links.known, run->begin, run->asked);
		told.end = run->asked;
	}
	osd_nbd_known_told(run, told.end);
	return 0;
}

static int64_t
find_locked(struct nbd *nbd, enum osd_find what, int64_t at, int64_t end)
{
	while (at < end) {
		const struct osd_nbd_run *run = osd_nbd_known_at(&nbd->links.known, at);
		int64_t stop, found;

		if (run == NULL) {
			if (ask_locked(nbd, at) != 0)
				return -1;
			/* Zeros that were made meanwhile have it forgotten. */
			continue;
		}
		stop = run->end < end ? run->end : end;
		found = osd_nbd_known_find(run, what, at, stop);
		if (found < stop)
			return found;
		at = stop;
	}
	return end;
}

static int64_t
nbd_find(struct osd_source *source, enum osd_find what, int64_t at, int64_t end)
{
	struct nbd *nbd = nbd_of(source);
	int64_t found;

	if (!osd_nbd_export_of(&nbd->links)->has_status)
		return what == OSD_FIND_DATA ? at : end;
	pthread_mutex_lock(&nbd->asking);
	pthread_mutex_lock(&nbd->links.lock);
	found = find_locked(nbd, what, at, end);
	pthread_mutex_unlock(&nbd->links.lock);
	pthread_mutex_unlock(&nbd->asking);
	return found;
}

/* Zeros that are being made, in two rounds: large parts where that is fast, and then all, fast or not. */
struct zeroing {
	int may_punch;
	int is_fast;			/* the first round */
	int has_changed;		/* something was, or may have been */
};

/* Make a part zeros.  Returns 1, 0 when it would have to be written and nothing was changed, or -1 with errno. */
static int
zero_part(struct zeroing *zeroing, struct osd_nbd_link *link, int64_t begin, int64_t end)
{
	int is_fast = zeroing->is_fast;

	while (begin < end) {
		int64_t size = end - begin < OSD_NBD_ZERO_PIECE ? end - begin : OSD_NBD_ZERO_PIECE;

		if (osd_nbd_zero(&link->connection, size, begin, zeroing->may_punch, is_fast) == 0) {
			zeroing->has_changed = 1;
			begin += size;
			continue;
		}
		if (link->connection.broken != 0 || errno != EOPNOTSUPP)
			return -1;
		if (!zeroing->has_changed)
			return 0;
		if (!is_fast)
			return -1;
		/* What was begun is ended. */
		is_fast = 0;
	}
	return 1;
}

static int
zero_range(struct zeroing *zeroing, struct osd_nbd_link *link, int64_t begin, int64_t end)
{
	int64_t first = (begin + EDGE - 1) / EDGE * EDGE, last = end / EDGE * EDGE;

	if (!zeroing->is_fast)
		return zero_part(zeroing, link, begin, end);
	return first < last ? zero_part(zeroing, link, first, last) : 1;
}

static int
zero_round(struct nbd *nbd, struct zeroing *zeroing, int64_t at, int64_t end)
{
	int result = 1;

	while (at < end && result == 1) {
		int64_t stop = end;
		struct osd_nbd_link *link;

		if (zeroing->may_punch) {
			at = nbd_find(&nbd->source, OSD_FIND_DATA, at, end);
			stop = at < 0 || at == end ? at : nbd_find(&nbd->source, OSD_FIND_HOLE, at, end);
			if (stop < 0)
				return -1;
		}
		if (at == stop)
			break;
		link = osd_nbd_take(&nbd->links, -1);
		if (link == NULL)
			return -1;
		result = zero_range(zeroing, link, at, stop);
		result = osd_nbd_give_back_changed(&nbd->links, link, result, stop - at, at);
		at = stop;
	}
	return result;
}

/*
 * What is zeros already is left so: where a format has no way to make a hole, and QEMU would write them, that is all
 * that is needed of a new disk.
 *
 * The second round leaves out nothing that the first has done: what is data may be told otherwise by then, and its ranges
 * be others.
 */
static int
nbd_zero(struct osd_source *source, int64_t size, int64_t at, int may_punch)
{
	struct nbd *nbd = nbd_of(source);
	int result = 1;
	struct zeroing zeroing = { .may_punch = may_punch, .is_fast = 1 };

	if (!can(nbd, OSD_NBD_CAN_ZERO))
		return 0;
	if (can(nbd, OSD_NBD_CAN_FAST_ZERO))
		result = zero_round(nbd, &zeroing, at, at + size);
	zeroing.is_fast = 0;
	if (result == 1)
		result = zero_round(nbd, &zeroing, at, at + size);
	/* What was marked as changed is zeros now. */
	pthread_mutex_lock(&nbd->links.lock);
	osd_nbd_known_forget(&nbd->links.known);
	pthread_mutex_unlock(&nbd->links.lock);
	return result;
}

/* ---- beginning and end */

/*
 * Take leave of the server, which ends when all its clients have; the source fails with EBADF from now on.  For a
 * source of an NBD server alone.
 */
void
osd_nbd_end(struct osd_source *source)
{
	osd_nbd_links_leave(&nbd_of(source)->links);
}

static void
nbd_close(struct osd_source *source)
{
	struct nbd *nbd = nbd_of(source);

	osd_nbd_links_leave(&nbd->links);
	osd_nbd_links_free(&nbd->links);
	pthread_mutex_destroy(&nbd->asking);
	free(nbd);
}

static const struct osd_source_ops nbd_ops = {
	.read = nbd_read,
	.writev = nbd_writev,
	.find = nbd_find,
	.zero = nbd_zero,
	.sync = nbd_sync,
	.close = nbd_close,
};

/*
 * Make a source of an export of an NBD server, by sockets that are connected to it and on which nothing was said yet.
 * They are duplicated; those are not used that the server does not let share what is written.  The server has so many
 * seconds for each of its answers before the first request, and afterwards all the time that its medium needs.
 *
 * Returns NULL with errno: those of osd_nbd_negotiate(), EINVAL when there is no socket, or too many.
 */
struct osd_source *
osd_source_nbd(const int *sockets, unsigned count, const char *name, int patience)
{
	struct nbd *nbd;

	if (count == 0 || count > OSD_NBD_MOST_LINKS) {
		errno = EINVAL;
		return NULL;
	}
	nbd = calloc(1, sizeof(*nbd));
	if (nbd == NULL)
		return NULL;
	if (osd_nbd_links_open(&nbd->links, sockets, count, name, patience) != 0) {
		int number = errno;

		osd_nbd_links_free(&nbd->links);
		free(nbd);
		errno = number;
		return NULL;
	}
	pthread_mutex_init(&nbd->asking, NULL);
	osd_source_init(&nbd->source, &nbd_ops, osd_nbd_export_of(&nbd->links)->size, can(nbd, OSD_NBD_READ_ONLY));
	return &nbd->source;
}
