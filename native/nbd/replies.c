/*
 * What an NBD server answers to a request (doc/proto.md of the protocol, "Transmission", "Structured reply chunk
 * message").
 *
 * The server reads files that came from anywhere, so nothing that it says is believed: an answer is to a request that
 * is open, what it says lies in that request, and a length has a limit.  Anything else is EPROTO.  The chunks of a read
 * come in the order of the disk, as QEMU and nbdkit send them: so one comparison tells that none overlaps another and
 * that none is missing, and no byte of a buffer stays what it was before.
 */
#define _GNU_SOURCE
#include "nbd/replies.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "nbd/wire.h"

#define SIMPLE_MAGIC UINT32_C(0x67446698)
#define CHUNK_MAGIC UINT32_C(0x668e33ef)
#define CHUNK_IS_LAST 1

/* Types of chunks; those of errors have the highest bit. */
enum { CHUNK_NONE, CHUNK_DATA, CHUNK_HOLE, CHUNK_STATUS = 5 };
#define CHUNK_IS_ERROR 0x8000

/* The text of an error has 4096 bytes at most; what else may be in its chunk is some numbers. */
#define LONGEST_ERROR 8192
/* Ranges in a status: as many as QEMU tells (its NBD_MAX_BLOCK_STATUS_EXTENTS). */
#define MOST_RANGES (UINT32_C(1) << 17)
#define STATE_ZERO 2

struct __attribute__((packed)) simple_head {
	uint32_t magic, error;
	uint64_t cookie;
};

struct __attribute__((packed)) chunk_head {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie;
};

/* Both kinds of replies begin with so many bytes, of which the last are the cookie. */
_Static_assert(sizeof(struct simple_head) == sizeof(struct chunk_head), "heads of replies differ in size");

struct range {
	uint32_t length, flags;
};

/* The error of the protocol as one of ours.  What a request of ours can not be given is not a fault of our callers. */
static int
errno_of(uint32_t number)
{
	switch (number) {
	case 1:
		return EPERM;
	case 12:
		return ENOMEM;
	case 28:
		return ENOSPC;
	case 95:
		return EOPNOTSUPP;
	case 108:
		return ENOTCONN;
	default:
		return EIO;
	}
}

static struct osd_nbd_asked *
find_asked(struct osd_nbd_connection *connection, uint64_t cookie)
{
	for (unsigned i = 0; cookie != 0 && i < OSD_NBD_IN_FLIGHT; i++)
		if (connection->asked[i].cookie == cookie)
			return &connection->asked[i];
	return NULL;
}

static int
take_contents(int fd, struct osd_nbd_asked *asked, uint32_t length, int is_hole)
{
	uint64_t offset;
	int64_t size;
	uint32_t hole;

	if (asked->type != OSD_NBD_READ || (is_hole ? length != 12 : length <= 8))
		return fail(EPROTO);
	if (osd_nbd_get(fd, &offset, sizeof(offset)) != 0)
		return -1;
	if (is_hole && osd_nbd_get(fd, &hole, sizeof(hole)) != 0)
		return -1;
	size = is_hole ? be32toh(hole) : length - 8;
	if (be64toh(offset) != (uint64_t)asked->told || size == 0 || size > asked->end - asked->told)
		return fail(EPROTO);
	if (is_hole)
		memset(asked->buffer + (asked->told - asked->at), 0, (size_t)size);
	else if (osd_nbd_get(fd, asked->buffer + (asked->told - asked->at), (size_t)size) != 0)
		return -1;
	asked->told += size;
	return 0;
}

/* Tell the listener of a range; what the server says of more than it was asked for is left out. */
static int
hear_range(struct osd_nbd_asked *asked, const struct range *range)
{
	int64_t begin = asked->told, length = be32toh(range->length);

	if (length == 0 || begin == asked->end)
		return fail(EPROTO);
	asked->told = length < asked->end - begin ? begin + length : asked->end;
	asked->hear(asked->listener, begin, asked->told, (be32toh(range->flags) & STATE_ZERO) != 0);
	return 0;
}

static int
take_status(int fd, const struct osd_nbd_export *export, struct osd_nbd_asked *asked, uint32_t length)
{
	struct range ranges[256];
	uint32_t context, count = (length - 4) / sizeof(*ranges);

	if (asked->type != OSD_NBD_BLOCK_STATUS || asked->told != asked->at)
		return fail(EPROTO);
	if (length < 4 + sizeof(*ranges) || (length - 4) % sizeof(*ranges) != 0 || count > MOST_RANGES)
		return fail(EPROTO);
	if (osd_nbd_get(fd, &context, sizeof(context)) != 0)
		return -1;
	if (be32toh(context) != export->status_context)
		return fail(EPROTO);
	while (count > 0) {
		uint32_t part = count < 256 ? count : 256;

		if (osd_nbd_get(fd, ranges, part * sizeof(*ranges)) != 0)
			return -1;
		for (uint32_t i = 0; i < part; i++)
			if (hear_range(asked, &ranges[i]) != 0)
				return -1;
		count -= part;
	}
	return 0;
}

static int
take_error(int fd, struct osd_nbd_asked *asked, uint32_t length)
{
	uint32_t number;

	if (length < 6 || length > LONGEST_ERROR)
		return fail(EPROTO);
	if (osd_nbd_get(fd, &number, sizeof(number)) != 0 || osd_nbd_skip(fd, length - sizeof(number)) != 0)
		return -1;
	/* One is enough: a server that goes on with them would never end. */
	if (number == 0 || asked->error != 0)
		return fail(EPROTO);
	asked->error = errno_of(be32toh(number));
	return 0;
}

static int
take_chunk(const struct osd_nbd_connection *connection, struct osd_nbd_asked *asked, const struct chunk_head *head,
	   uint32_t length)
{
	uint16_t type = be16toh(head->type);

	switch (type) {
	case CHUNK_NONE:
		return length == 0 && (be16toh(head->flags) & CHUNK_IS_LAST) != 0 ? 0 : fail(EPROTO);
	case CHUNK_DATA:
	case CHUNK_HOLE:
		return take_contents(connection->fd, asked, length, type == CHUNK_HOLE);
	case CHUNK_STATUS:
		return take_status(connection->fd, &connection->export, asked, length);
	default:
		return (type & CHUNK_IS_ERROR) != 0 ? take_error(connection->fd, asked, length) : fail(EPROTO);
	}
}

/* A reply without chunks: to all requests when nothing else was agreed on, and otherwise to those without contents. */
static int
take_simple(struct osd_nbd_connection *connection, struct osd_nbd_asked *asked, uint32_t error)
{
	int is_read = asked->type == OSD_NBD_READ;

	if (asked->told != asked->at || asked->type == OSD_NBD_BLOCK_STATUS)
		return fail(EPROTO);
	if (is_read && connection->export.is_structured)
		return fail(EPROTO);
	if (error != 0) {
		asked->error = errno_of(error);
		return 0;
	}
	if (is_read && osd_nbd_get(connection->fd, asked->buffer, (size_t)(asked->end - asked->at)) != 0)
		return -1;
	asked->told = asked->end;
	return 0;
}

/* Close a request whose last answer has come.  Returns 0, or -1 when it was not all that was asked for. */
static int
end_request(struct osd_nbd_connection *connection, struct osd_nbd_asked *asked, int *error)
{
	int has_all = asked->type == OSD_NBD_READ	   ? asked->told == asked->end
		      : asked->type == OSD_NBD_BLOCK_STATUS ? asked->told != asked->at
							   : 1;

	asked->cookie = 0;
	connection->open--;
	if (asked->error != 0) {
		if (*error == 0)
			*error = asked->error;
		return 0;
	}
	return has_all ? 0 : fail(EPROTO);
}

/*
 * Take one answer, or a part of one.  The first error that the server has for a request goes into error.  Returns 0, or
 * -1 with errno when the connection is of no use any more.
 */
int
osd_nbd_take_reply(struct osd_nbd_connection *connection, int *error)
{
	union {
		struct simple_head simple;
		struct chunk_head chunk;
	} head;
	struct osd_nbd_asked *asked;
	uint32_t length;

	if (osd_nbd_get(connection->fd, &head, sizeof(head)) != 0)
		return -1;
	asked = find_asked(connection, be64toh(head.chunk.cookie));
	if (asked == NULL)
		return fail(EPROTO);
	if (be32toh(head.simple.magic) == SIMPLE_MAGIC) {
		if (take_simple(connection, asked, be32toh(head.simple.error)) != 0)
			return -1;
		return end_request(connection, asked, error);
	}
	if (be32toh(head.chunk.magic) != CHUNK_MAGIC || !connection->export.is_structured)
		return fail(EPROTO);
	if (osd_nbd_get(connection->fd, &length, sizeof(length)) != 0)
		return -1;
	if (take_chunk(connection, asked, &head.chunk, be32toh(length)) != 0)
		return -1;
	return (be16toh(head.chunk.flags) & CHUNK_IS_LAST) != 0 ? end_request(connection, asked, error) : 0;
}
