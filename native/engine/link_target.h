/* The target of a link of Windows as one of POSIX.  See link_target.c. */
#ifndef OSDIMAGE_ENGINE_LINK_TARGET_H
#define OSDIMAGE_ENGINE_LINK_TARGET_H

#include <stddef.h>
#include <stdint.h>

#define OSD_TAG_SYMLINK 0xA000000Cu
#define OSD_TAG_MOUNT_POINT 0xA0000003u
/* MAXIMUM_REPARSE_DATA_BUFFER_SIZE without the header. */
#define OSD_LARGEST_LINK (16384 - 8)

char *osd_link_target(uint32_t tag, const uint8_t *data, size_t size, const char *above);

#endif
