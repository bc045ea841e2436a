/*
 * The connection to an NBD server: whole runs of bytes, or an error.
 *
 * A server that has gone is ENOTCONN, however the system tells of it: not EPIPE, which stands for a reader of our own
 * output that has left.
 */
#define _GNU_SOURCE
#include "nbd/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fail.h"

static int
fail_as_told(int number)
{
	if (number == EPIPE || number == ECONNRESET)
		return fail(ENOTCONN);
	return fail(number == EAGAIN || number == EWOULDBLOCK ? ETIMEDOUT : number);
}

/* Wait no longer than this for anything that is to come; 0: for ever.  Returns 0, or -1 with errno. */
int
osd_nbd_patience(int fd, int seconds)
{
	struct timeval time = { .tv_sec = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

/* Receive so many bytes.  Returns 0, or -1 with errno: ENOTCONN, ETIMEDOUT. */
int
osd_nbd_get(int fd, void *buffer, size_t size)
{
	uint8_t *at = buffer;

	while (size > 0) {
		ssize_t count = recv(fd, at, size, MSG_WAITALL);

		if (count < 0) {
			if (errno == EINTR)
				continue;
			return fail_as_told(errno);
		}
		if (count == 0)
			return fail(ENOTCONN);
		at += count;
		size -= (size_t)count;
	}
	return 0;
}

/* Receive so many bytes that nobody wants.  Returns 0, or -1 with errno. */
int
osd_nbd_skip(int fd, size_t size)
{
	uint8_t buffer[512];

	while (size > 0) {
		size_t part = size < sizeof(buffer) ? size : sizeof(buffer);

		if (osd_nbd_get(fd, buffer, part) != 0)
			return -1;
		size -= part;
	}
	return 0;
}

/* Send pieces one after the other; the array is used up.  Returns 0, or -1 with errno: ENOTCONN. */
int
osd_nbd_put(int fd, struct iovec *pieces, int count)
{
	while (count > 0) {
		struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
		ssize_t sent;

		if (pieces->iov_len == 0) {
			pieces++;
			count--;
			continue;
		}
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EINTR)
				continue;
			return fail_as_told(errno);
		}
		while (count > 0 && (size_t)sent >= pieces->iov_len) {
			sent -= (ssize_t)pieces->iov_len;
			pieces++;
			count--;
		}
		if (count > 0) {
			pieces->iov_base = (uint8_t *)pieces->iov_base + sent;
			pieces->iov_len -= (size_t)sent;
		}
	}
	return 0;
}
