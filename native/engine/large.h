/*
 * Memory for chunks, which may have hundreds of megabytes: the system has it back when it is freed.  malloc() would keep it
 * for each thread, and a budget would bound nothing.
 */
#ifndef OSDIMAGE_ENGINE_LARGE_H
#define OSDIMAGE_ENGINE_LARGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* Returns NULL without memory.  size is not 0. */
static inline uint8_t *
osd_large_new(uint64_t size)
{
	void *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* size is that of osd_large_new().  NULL is none. */
static inline void
osd_large_free(uint8_t *memory, uint64_t size)
{
	if (memory != NULL)
		munmap(memory, (size_t)size);
}

#endif
