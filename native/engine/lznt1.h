/* LZNT1, the compression of NTFS.  See lznt1.c. */
#ifndef OSDIMAGE_ENGINE_LZNT1_H
#define OSDIMAGE_ENGINE_LZNT1_H

#include <stddef.h>
#include <stdint.h>

size_t osd_lznt1_compress(const uint8_t *data, size_t size, uint8_t *out, size_t room);

#endif
