/*
 * Waiting for several media at once: what is one's turn only when the one before is done takes as long as all together.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "slices/source.h"

struct waiter {
	struct osd_source *source;
	int *error;
	pthread_t thread;
	int has_thread;
};

static void *
sync_one(void *argument)
{
	struct waiter *waiter = argument;

	*waiter->error = osd_source_sync(waiter->source) == 0 ? 0 : errno;
	return NULL;
}

/*
 * Sync several sources at the same time; errors gets 0 or an errno for each.  Where there is no thread for one, nor memory
 * for any, it is done in its turn.
 */
void
osd_source_sync_all(struct osd_source *const *sources, unsigned count, int *errors)
{
	struct waiter *waiters = calloc(count, sizeof(*waiters));
	struct waiter alone = { 0 };
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; waiters != NULL && i + 1 < count; i++) {
		waiters[i].source = sources[i];
		waiters[i].error = &errors[i];
		waiters[i].has_thread = pthread_create(&waiters[i].thread, NULL, sync_one, &waiters[i]) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (unsigned i = 0; i < count; i++) {
		if (waiters != NULL && waiters[i].has_thread)
			continue;
		alone.source = sources[i];
		alone.error = &errors[i];
		sync_one(&alone);
	}
	for (unsigned i = 0; waiters != NULL && i < count; i++)
		if (waiters[i].has_thread)
			pthread_join(waiters[i].thread, NULL);
	free(waiters);
}
