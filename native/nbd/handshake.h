/* What a client and an NBD server agree on before the first request.  See handshake.c. */
#ifndef OSDIMAGE_NBD_HANDSHAKE_H
#define OSDIMAGE_NBD_HANDSHAKE_H

#include <stdint.h>

/* Transmission flags: what the server can do with the export. */
enum {
	OSD_NBD_HAS_FLAGS = 1 << 0,
	OSD_NBD_READ_ONLY = 1 << 1,
	OSD_NBD_CAN_FLUSH = 1 << 2,
	OSD_NBD_CAN_ZERO = 1 << 6,
	/* What one connection has written, and its replies have told, others read and flush. */
	OSD_NBD_CAN_SHARE = 1 << 8,
	/* It tells when making zeros is as slow as writing them. */
	OSD_NBD_CAN_FAST_ZERO = 1 << 11,
};

struct osd_nbd_export {
	int64_t size;			/* in bytes */
	uint16_t flags;
	int is_structured;		/* replies come in chunks */
	int has_status;			/* it tells which ranges are zeros */
	uint32_t status_context;	/* by this number */
};

int osd_nbd_negotiate(int fd, const char *name, struct osd_nbd_export *export);

#endif
