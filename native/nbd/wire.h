/* The connection to an NBD server: whole runs of bytes, or an error.  See wire.c. */
#ifndef OSDIMAGE_NBD_WIRE_H
#define OSDIMAGE_NBD_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

int osd_nbd_patience(int fd, int seconds);
int osd_nbd_get(int fd, void *buffer, size_t size);
int osd_nbd_skip(int fd, size_t size);
int osd_nbd_put(int fd, struct iovec *pieces, int count);

#endif
