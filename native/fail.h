/* How functions of the system's kind fail. */
#ifndef OSDIMAGE_FAIL_H
#define OSDIMAGE_FAIL_H

#include <errno.h>

/* Set errno and return -1. */
static inline int
fail(int number)
{
	errno = number;
	return -1;
}

#endif
