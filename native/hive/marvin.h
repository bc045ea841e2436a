/* Marvin32, the hash that guards the logs of hives.  See marvin.c. */
#ifndef OSDIMAGE_MARVIN_H
#define OSDIMAGE_MARVIN_H

#include <stddef.h>
#include <stdint.h>

uint64_t osd_marvin32(uint64_t seed, const uint8_t *data, size_t size);

#endif
