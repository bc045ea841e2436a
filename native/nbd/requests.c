/*
 * Requests to an NBD server: contents in pieces, of which several are under way at once.
 *
 * Nothing can wait for each other: a server answers in few bytes while it is sent contents, and is asked in few bytes
 * while it sends them; these have room in the connection.
 *
 * An error that the server has for a request is the caller's, and the connection goes on.  Whatever else goes wrong is
 * the end of the connection, and the error of all that comes after it.
 */
#define _GNU_SOURCE
#include "nbd/requests.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "fail.h"
#include "nbd/replies.h"
#include "nbd/wire.h"

#define REQUEST_MAGIC UINT32_C(0x25609513)
#define FLAG_NO_HOLE (1 << 1)
#define FLAG_FAST_ZERO (1 << 4)
/* Parts of the contents of one request, with its head. */
#define MOST_PARTS 64

struct __attribute__((packed)) request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t length;
};

static int
lose(struct osd_nbd_connection *connection)
{
	connection->broken = errno;
	return -1;
}

static struct osd_nbd_asked *
free_place(struct osd_nbd_connection *connection)
{
	struct osd_nbd_asked *asked = connection->asked;

	while (asked->cookie != 0)
		asked++;
	*asked = (struct osd_nbd_asked){ .cookie = ++connection->cookie };
	connection->open++;
	return asked;
}

/* Send a request; the first of parts is for its head.  Returns where its answers go, or NULL with errno. */
static struct osd_nbd_asked *
ask(struct osd_nbd_connection *connection, enum osd_nbd_type type, uint16_t flags, int64_t size, int64_t at,
    struct iovec *parts, int count)
{
	struct osd_nbd_asked *asked = free_place(connection);
	struct request request = {
		.magic = htobe32(REQUEST_MAGIC),
		.flags = htobe16(flags),
		.type = htobe16(type),
		.cookie = htobe64(asked->cookie),
		.offset = htobe64((uint64_t)at),
		.length = htobe32((uint32_t)size),
	};

	asked->type = (uint16_t)type;
	asked->at = asked->told = at;
	asked->end = at + size;
	parts[0] = (struct iovec){ .iov_base = &request, .iov_len = sizeof(request) };
	if (osd_nbd_put(connection->fd, parts, count) != 0) {
		lose(connection);
		return NULL;
	}
	return asked;
}

/* Take answers until no more than so many requests are open.  Returns 0, or -1 with errno when the connection broke. */
static int
settle(struct osd_nbd_connection *connection, unsigned open, int *error)
{
	while (connection->open > open)
		if (osd_nbd_take_reply(connection, error) != 0)
			return lose(connection);
	return 0;
}

/* Wait for what is open.  Returns 0, or -1 with the first error of a request, or that of the connection. */
static int
finish(struct osd_nbd_connection *connection, int error)
{
	if (settle(connection, 0, &error) != 0)
		return -1;
	return error == 0 ? 0 : fail(error);
}

/* Read a range.  Returns 0, or -1 with errno. */
int
osd_nbd_read(struct osd_nbd_connection *connection, uint8_t *buffer, int64_t size, int64_t at)
{
	int error = 0;

	while (size > 0 && error == 0) {
		int64_t part = size < OSD_NBD_PIECE ? size : OSD_NBD_PIECE;
		struct iovec head[1];
		struct osd_nbd_asked *asked;

		if (settle(connection, OSD_NBD_IN_FLIGHT - 1, &error) != 0)
			return -1;
		asked = ask(connection, OSD_NBD_READ, 0, part, at, head, 1);
		if (asked == NULL)
			return -1;
		asked->buffer = buffer;
		buffer += part;
		at += part;
		size -= part;
	}
	return finish(connection, error);
}

/* What of the pieces is in the next request: parts of them behind the first, which is left free. */
struct portion {
	struct iovec parts[MOST_PARTS];
	int count;
	int64_t size;
};

/* Take the next portion of pieces; done is how much of the first of them was taken before. */
static void
take_portion(struct portion *portion, const struct iovec **pieces, int *count, size_t *done)
{
	portion->count = 1;
	portion->size = 0;
	while (*count > 0 && portion->count < MOST_PARTS && portion->size < OSD_NBD_PIECE) {
		size_t left = (*pieces)->iov_len - *done, room = (size_t)(OSD_NBD_PIECE - portion->size);
		size_t part = left < room ? left : room;

		portion->parts[portion->count++] =
			(struct iovec){ .iov_base = (uint8_t *)(*pieces)->iov_base + *done, .iov_len = part };
		portion->size += (int64_t)part;
		*done += part;
		if (part == left) {
			(*pieces)++;
			(*count)--;
			*done = 0;
		}
	}
}

/* Write pieces one after the other.  Returns 0, or -1 with errno; it is unknown then how much was written. */
int
osd_nbd_write(struct osd_nbd_connection *connection, const struct iovec *pieces, int count, int64_t at)
{
	struct portion portion;
	size_t done = 0;
	int error = 0;

	while (count > 0 && error == 0) {
		take_portion(&portion, &pieces, &count, &done);
		if (portion.size == 0)
			continue;
		if (settle(connection, OSD_NBD_IN_FLIGHT - 1, &error) != 0)
			return -1;
		if (ask(connection, OSD_NBD_WRITE, 0, portion.size, at, portion.parts, portion.count) == NULL)
			return -1;
		at += portion.size;
	}
	return finish(connection, error);
}

/*
 * Make a range of OSD_NBD_ZERO_PIECE at most zeros: with may_punch as a hole, without it so that it keeps its room;
 * with is_fast only where that is faster than to write them.  Returns 0, or -1 with errno: EOPNOTSUPP when it is not,
 * and nothing was changed.
 */
int
osd_nbd_zero(struct osd_nbd_connection *connection, int64_t size, int64_t at, int may_punch, int is_fast)
{
	uint16_t flags = (uint16_t)((may_punch ? 0 : FLAG_NO_HOLE) | (is_fast ? FLAG_FAST_ZERO : 0));
	struct iovec head[1];

	if (ask(connection, OSD_NBD_WRITE_ZEROES, flags, size, at, head, 1) == NULL)
		return -1;
	return finish(connection, 0);
}

/* Wait until all that was written is on the medium.  Returns 0, or -1 with errno. */
int
osd_nbd_flush(struct osd_nbd_connection *connection)
{
	struct iovec head[1];

	return ask(connection, OSD_NBD_FLUSH, 0, 0, 0, head, 1) == NULL ? -1 : finish(connection, 0);
}

/*
 * Ask which parts of a range, of less than 4 GiB, are zeros; the server may tell of the first of it alone.  Returns 0,
 * or -1 with errno.
 */
int
osd_nbd_status(struct osd_nbd_connection *connection, int64_t size, int64_t at, osd_nbd_hear hear, void *listener)
{
	struct iovec head[1];
	struct osd_nbd_asked *asked = ask(connection, OSD_NBD_BLOCK_STATUS, 0, size, at, head, 1);

	if (asked == NULL)
		return -1;
	asked->hear = hear;
	asked->listener = listener;
	return finish(connection, 0);
}

/* Say that no request will follow, if the server is still there. */
void
osd_nbd_leave(struct osd_nbd_connection *connection)
{
	struct iovec head[1];

	if (connection->broken == 0)
		(void)ask(connection, OSD_NBD_DISCONNECT, 0, 0, 0, head, 1);
}
