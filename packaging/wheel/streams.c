/*
 * The standard streams, for libraries that were compiled to be part of a program.
 *
 * Such code reads the variable stdout where the linker has put a copy of it into the program.  A module that is loaded has
 * no such copies, so it gets variables of its own, which nobody else sees, and which are set before any other code runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

/* Not <stdio.h>, which declares them as those of the C library. */
typedef struct _IO_FILE FILE;

__attribute__((visibility("hidden"))) FILE *stdin, *stdout, *stderr;

static FILE *
of_the_c_library(const char *name)
{
	FILE **stream = dlsym(RTLD_DEFAULT, name);

	return stream == NULL ? NULL : *stream;
}

__attribute__((constructor(101))) static void
set_streams(void)
{
	stdin = of_the_c_library("stdin");
	stdout = of_the_c_library("stdout");
	stderr = of_the_c_library("stderr");
}
