/*
 * The connections of one source to its NBD server.
 *
 * A connection is used by one thread at a time.  There are several where the server lets them share what is written; a
 * thread takes one that is idle, or waits.  One that reads on is given the connection that it had.
 *
 * What reads leave behind (what was read ahead, and which ranges are zeros) must not hide what is written:
 *
 *   - Each change is counted when the server has done it, before the call returns.  What was read ahead is of use as
 *     long as the count is what it was before the server was asked for it.
 *   - A change marks its range as data in the run of what is known; see known.c for a run that is being asked for.
 *
 * When one connection is of no use any more, none is, and everything fails with the error of the first.
 */
#define _GNU_SOURCE
#include "nbd/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"
#include "nbd/wire.h"

/* Whether a read from here goes on with what this connection has read. */
static int
goes_on(const struct osd_nbd_links *links, const struct osd_nbd_link *link, int64_t at)
{
	if (link->next == at)
		return 1;
	return at >= link->ahead_begin && at < link->ahead_end && link->changes == links->changes;
}

/* The idle connection that read before this place, or the one not used for longest; NULL when all are in use. */
static struct osd_nbd_link *
choose(struct osd_nbd_links *links, int64_t at)
{
	struct osd_nbd_link *found = NULL;

	for (unsigned i = 0; i < links->count; i++) {
		struct osd_nbd_link *link = &links->links[i];

		if (!link->is_idle)
			continue;
		if (at >= 0 && goes_on(links, link, at))
			return link;
		if (found == NULL || link->turn < found->turn)
			found = link;
	}
	return found;
}

/*
 * Take a connection, with the lock held, which is given up while there is none: for a read the place where that begins,
 * -1 for anything else.  Returns NULL with errno when there will be none.
 */
struct osd_nbd_link *
osd_nbd_take_locked(struct osd_nbd_links *links, int64_t at)
{
	struct osd_nbd_link *link = NULL;

	while (links->error == 0 && (link = choose(links, at)) == NULL)
		pthread_cond_wait(&links->has_idle, &links->lock);
	if (links->error != 0) {
		errno = links->error;
		return NULL;
	}
	link->is_idle = 0;
	if (link->changes != links->changes)
		link->ahead_begin = link->ahead_end = 0;
	link->changes = links->changes;
	return link;
}

struct osd_nbd_link *
osd_nbd_take(struct osd_nbd_links *links, int64_t at)
{
	struct osd_nbd_link *link;

	pthread_mutex_lock(&links->lock);
	link = osd_nbd_take_locked(links, at);
	pthread_mutex_unlock(&links->lock);
	return link;
}

/* End all connections with an error.  Who waits for an answer on one of them is told so. */
static void
end_locked(struct osd_nbd_links *links, int number)
{
	if (links->error == 0)
		links->error = number;
	for (unsigned i = 0; i < links->count; i++)
		shutdown(links->links[i].connection.fd, SHUT_RDWR);
	pthread_cond_broadcast(&links->has_idle);
}

/* Give a connection back, with the lock held.  Returns result, with its errno. */
int
osd_nbd_give_back_locked(struct osd_nbd_links *links, struct osd_nbd_link *link, int result)
{
	int number = errno;

	if (link->connection.broken != 0) {
		end_locked(links, link->connection.broken);
		number = links->error;
	}
	link->is_idle = 1;
	link->turn = ++links->turns;
	pthread_cond_signal(&links->has_idle);
	errno = number;
	return result;
}

int
osd_nbd_give_back(struct osd_nbd_links *links, struct osd_nbd_link *link, int result)
{
	pthread_mutex_lock(&links->lock);
	result = osd_nbd_give_back_locked(links, link, result);
	pthread_mutex_unlock(&links->lock);
	return result;
}

/* Give back a connection by which a range was changed, or may have been. */
int
osd_nbd_give_back_changed(struct osd_nbd_links *links, struct osd_nbd_link *link, int result, int64_t size, int64_t at)
{
	pthread_mutex_lock(&links->lock);
	links->changes++;
	osd_nbd_known_mark(&links->known, at, at + size);
	result = osd_nbd_give_back_locked(links, link, result);
	pthread_mutex_unlock(&links->lock);
	return result;
}

/* ---- beginning and end */

static int
are_equal(const struct osd_nbd_export *one, const struct osd_nbd_export *other)
{
	return one->size == other->size && one->flags == other->flags && one->is_structured == other->is_structured &&
	       one->has_status == other->has_status;
}

static int
add_link(struct osd_nbd_links *links, int fd, const char *name, int patience)
{
	struct osd_nbd_link *link = &links->links[links->count];
	struct osd_nbd_connection *connection = &link->connection;

	connection->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (connection->fd < 0)
		return -1;
	links->count++;
	link->is_idle = 1;
	link->next = -1;
	if (osd_nbd_patience(connection->fd, patience) != 0 ||
	    osd_nbd_negotiate(connection->fd, name, &connection->export) != 0 ||
	    osd_nbd_patience(connection->fd, 0) != 0)
		return -1;
	return are_equal(&connection->export, osd_nbd_export_of(links)) ? 0 : fail(EPROTO);
}

/*
 * Make connections of sockets, which are duplicated; the memory is all zeros, and what is open is freed by
 * osd_nbd_links_free() when this fails, too.  Returns 0, or -1 with errno.
 */
int
osd_nbd_links_open(struct osd_nbd_links *links, const int *sockets, unsigned count, const char *name, int patience)
{
	pthread_mutex_init(&links->lock, NULL);
	pthread_cond_init(&links->has_idle, NULL);
	do {
		if (add_link(links, sockets[links->count], name, patience) != 0)
			return -1;
	} while (links->count < count && (osd_nbd_export_of(links)->flags & OSD_NBD_CAN_SHARE) != 0);
	return 0;
}

/* Take leave of the server; everything fails with EBADF from now on. */
void
osd_nbd_links_leave(struct osd_nbd_links *links)
{
	pthread_mutex_lock(&links->lock);
	for (unsigned i = 0; links->error == 0 && i < links->count; i++)
		if (links->links[i].is_idle)
			osd_nbd_leave(&links->links[i].connection);
	end_locked(links, EBADF);
	pthread_mutex_unlock(&links->lock);
}

void
osd_nbd_links_free(struct osd_nbd_links *links)
{
	for (unsigned i = 0; i < links->count; i++) {
		close(links->links[i].connection.fd);
		free(links->links[i].ahead);
	}
	pthread_cond_destroy(&links->has_idle);
	pthread_mutex_destroy(&links->lock);
}
