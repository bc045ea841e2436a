/* What an NBD server answers to a request.  See replies.c. */
#ifndef OSDIMAGE_NBD_REPLIES_H
#define OSDIMAGE_NBD_REPLIES_H

#include "nbd/requests.h"

enum osd_nbd_type {
	OSD_NBD_READ,
	OSD_NBD_WRITE,
	OSD_NBD_DISCONNECT,
	OSD_NBD_FLUSH,
	OSD_NBD_WRITE_ZEROES = 6,
	OSD_NBD_BLOCK_STATUS,
};

int osd_nbd_take_reply(struct osd_nbd_connection *connection, int *error);

#endif
