/*
 * Many threads read, write, zero and look for holes in the disk of an NBD server, for ThreadSanitizer to watch; see
 * .ci/races.sh.
 *
 *	nbd_races SOCKET
 *
 * SOCKET is that of a server of a disk of zeros, of 64 MiB.  Each thread has a part of it to itself, and knows what must
 * be in it.  Then all read while the connections are ended.  Leaves with 0 when nobody has read anything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "slices/source.h"

#define THREADS 8
#define PART (INT64_C(4) << 20)
#define ROUNDS 200

struct worker {
	struct osd_source *source;
	unsigned number;
	int faults;
	pthread_t thread;
};

static int
connected(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}

/* What is a hole must be zeros in the model. */
static int
compare_holes(struct osd_source *source, const uint8_t *model, int64_t begin)
{
	int64_t end = begin + PART;

	for (int64_t at = begin; at < end;) {
		int64_t data = osd_source_find(source, OSD_FIND_DATA, at, end), hole;

		if (data < 0)
			return 1;
		for (int64_t i = at; i < data; i++)
			if (model[i - begin] != 0)
				return 1;
		hole = osd_source_find(source, OSD_FIND_HOLE, data, end);
		if (hole < 0)
			return 1;
		at = hole;
	}
	return 0;
}

static int
change(struct worker *worker, uint8_t *model, int64_t begin, unsigned *seed)
{
	int64_t at = rand_r(seed) % PART, size = rand_r(seed) % (rand_r(seed) % 8 == 0 ? 2 << 20 : 8192);

	if (size > PART - at)
		size = PART - at;
	if (rand_r(seed) % 4 == 0) {
		memset(model + at, 0, (size_t)size);
		return osd_source_zero(worker->source, size, begin + at, rand_r(seed) % 2) != 1;
	}
	for (int64_t i = at; i < at + size; i++)
		model[i] = (uint8_t)rand_r(seed);
	return osd_source_write(worker->source, model + at, size, begin + at) != 0;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	int64_t begin = worker->number * PART;
	uint8_t *model = calloc(1, PART), *found = malloc(PART);
	unsigned seed = worker->number;

	for (int i = 0; i < ROUNDS && worker->faults == 0; i++) {
		int64_t step = rand_r(&seed) % 2 == 0 ? 65536 : PART;

		worker->faults += change(worker, model, begin, &seed);
		for (int64_t at = 0; i % 8 == 0 && at < PART; at += step)
			worker->faults += osd_source_read(worker->source, found + at, step, begin + at) != 0;
		if (i % 8 == 0)
			worker->faults += memcmp(found, model, PART) != 0;
		if (i % 16 == 0)
			worker->faults += compare_holes(worker->source, model, begin);
		if (i % 50 == 0)
			worker->faults += osd_source_sync(worker->source) != 0;
	}
	free(model);
	free(found);
	return NULL;
}

/* Read until somebody ends the connections. */
static void *
read_on(void *argument)
{
	struct worker *worker = argument;
	uint8_t buffer[65536];
	int64_t at = worker->number * PART;

	while (osd_source_read(worker->source, buffer, sizeof(buffer), at) == 0)
		at = (at + (int64_t)sizeof(buffer)) % (THREADS * PART);
	worker->faults = errno != EBADF && errno != ENOTCONN;
	return NULL;
}

static int
run(struct osd_source *source, void *(*function)(void *), int is_ended)
{
	struct worker workers[THREADS];
	int faults = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .source = source, .number = i };
		if (pthread_create(&workers[i].thread, NULL, function, &workers[i]) != 0)
			return 1;
	}
	if (is_ended) {
		usleep(20000);
		osd_nbd_end(source);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		faults += workers[i].faults;
	}
	return faults;
}

int
main(int argc, char **argv)
{
	int sockets[OSD_NBD_MOST_LINKS], faults;
	struct osd_source *source;

	if (argc != 2)
		return 2;
	for (unsigned i = 0; i < OSD_NBD_MOST_LINKS; i++)
		sockets[i] = connected(argv[1]);
	source = osd_source_nbd(sockets, OSD_NBD_MOST_LINKS, "", 30);
	if (source == NULL) {
		perror("nbd_races");
		return 1;
	}
	for (unsigned i = 0; i < OSD_NBD_MOST_LINKS; i++)
		close(sockets[i]);
	faults = run(source, work, 0);
	faults += run(source, read_on, 1);
	osd_source_release(source);
	if (faults != 0)
		fprintf(stderr, "nbd_races: %d threads did not find what must be there\n", faults);
	return faults != 0;
}
