/*
 * A limit on the memory that libwim takes in one thread.
 *
 * The tree of an image is stored as lists of entries, and an entry of a directory says where its list is.  Two
 * directories can name one list, so that a tree of n levels expands to 2^n entries: some kilobytes of a file then fill
 * any memory.  libwim follows such a tree.  The allocator below gives it no more than was set for the thread, and
 * libwim ends the call with WIMLIB_ERR_NOMEM.
 */
#define _GNU_SOURCE
#include "wim/memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>

#include <wimlib.h>

static __thread bool limited_in_thread;
static __thread uint64_t left_in_thread;

static void *
limited_malloc(size_t size)
{
	void *memory;

	if (!limited_in_thread)
		return malloc(size);
	if (size > left_in_thread)
		return NULL;
	memory = malloc(size);
	if (memory != NULL) {
		uint64_t taken = malloc_usable_size(memory);

		left_in_thread -= taken < left_in_thread ? taken : left_in_thread;
	}
	return memory;
}

static void
limited_free(void *memory)
{
	if (limited_in_thread)
		left_in_thread += malloc_usable_size(memory);
	free(memory);
}

static void *
limited_realloc(void *memory, size_t size)
{
	uint64_t before = limited_in_thread ? malloc_usable_size(memory) : 0;
	void *grown;

	if (limited_in_thread && size > before && size - before > left_in_thread)
		return NULL;
	grown = realloc(memory, size);
	if (limited_in_thread && grown != NULL) {
		uint64_t after = malloc_usable_size(grown);

		left_in_thread += before;
		left_in_thread -= after < left_in_thread ? after : left_in_thread;
	}
	return grown;
}

/* Give libwim this allocator; before any other function of libwim.  Returns 0. */
int
osd_memory_install(void)
{
	return wimlib_set_memory_allocator(limited_malloc, limited_free, limited_realloc);
}

/* Let libwim take this many bytes more in this thread. */
void
osd_memory_limit(uint64_t bytes)
{
	limited_in_thread = true;
	left_in_thread = bytes;
}

/* Give memory that was freed back to the system, where it does not lie between what is used. */
void
osd_memory_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* Let libwim take what it wants in this thread. */
void
osd_memory_unlimited(void)
{
	limited_in_thread = false;
}
