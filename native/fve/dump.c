/*
 * Whether the memory of this process may be looked at, in a core file or by another process.
 *
 * It is not while somebody holds keys.  Source: prctl(2), PR_SET_DUMPABLE; a program that this one starts is dumpable
 * again, and has none of its memory.
 */
#include "fve/dump.h"

#include <pthread.h>
#include <sys/prctl.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned forbidden;
static int was_dumpable;

/* Forbid it until osd_dump_allow() was called as often as this.  Returns 0, or -1 with errno. */
int
osd_dump_forbid(void)
{
	int result = 0;

	pthread_mutex_lock(&lock);
	if (forbidden == 0) {
		was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
		result = was_dumpable < 0 ? -1 : prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	}
	if (result == 0)
		forbidden++;
	pthread_mutex_unlock(&lock);
	return result;
}

/* 2 (core files that only root reads) cannot be set again, and was the system's wish: it stays 0 then. */
void
osd_dump_allow(void)
{
	pthread_mutex_lock(&lock);
	if (--forbidden == 0 && was_dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	pthread_mutex_unlock(&lock);
}
