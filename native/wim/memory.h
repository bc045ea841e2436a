/* A limit on the memory that libwim takes in one thread.  See memory.c. */
#ifndef OSDIMAGE_MEMORY_H
#define OSDIMAGE_MEMORY_H

#include <stdint.h>

int osd_memory_install(void);
void osd_memory_limit(uint64_t bytes);
void osd_memory_unlimited(void);
void osd_memory_trim(void);

#endif
