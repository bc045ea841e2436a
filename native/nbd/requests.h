/* Requests to an NBD server, and its replies.  See requests.c. */
#ifndef OSDIMAGE_NBD_REQUESTS_H
#define OSDIMAGE_NBD_REQUESTS_H

#include <stdint.h>
#include <sys/uio.h>

#include "nbd/handshake.h"

/* Bytes of one request that carries contents, in either direction. */
#define OSD_NBD_PIECE (INT64_C(1) << 20)
/* Bytes of one request that makes zeros, a whole number of blocks of whatever size. */
#define OSD_NBD_ZERO_PIECE (INT64_C(1) << 30)
/* Requests that are sent before the first of them is answered. */
#define OSD_NBD_IN_FLIGHT 8

/* Hears of a range in the order of the disk; is_zero when it reads as zeros. */
typedef void (*osd_nbd_hear)(void *listener, int64_t begin, int64_t end, int is_zero);

struct osd_nbd_asked {
	uint64_t cookie;		/* 0: none is open here */
	uint16_t type;
	int64_t at;
	int64_t end;
	int64_t told;			/* up to here there was an answer */
	int error;			/* what the server said, or 0 */
	uint8_t *buffer;		/* of a read */
	osd_nbd_hear hear;		/* of a status */
	void *listener;
};

/* A connection, for one thread at a time. */
struct osd_nbd_connection {
	int fd;
	struct osd_nbd_export export;
	int broken;			/* why it is of no use any more, or 0 */
	uint64_t cookie;
	unsigned open;
	struct osd_nbd_asked asked[OSD_NBD_IN_FLIGHT];
};

int osd_nbd_read(struct osd_nbd_connection *connection, uint8_t *buffer, int64_t size, int64_t at);
int osd_nbd_write(struct osd_nbd_connection *connection, const struct iovec *pieces, int count, int64_t at);
int osd_nbd_zero(struct osd_nbd_connection *connection, int64_t size, int64_t at, int may_punch, int is_fast);
int osd_nbd_flush(struct osd_nbd_connection *connection);
int osd_nbd_status(struct osd_nbd_connection *connection, int64_t size, int64_t at, osd_nbd_hear hear, void *listener);
void osd_nbd_leave(struct osd_nbd_connection *connection);

#endif
