/*
 * Per-thread capture of the text that libwim prints.
 *
 * libwim reports a failure twice: a code, and a sentence that names the file and the errno.  The sentence goes to one
 * FILE for the whole process, so two handles that fail at once in two threads would mix theirs.  The FILE installed
 * here writes into a buffer of the thread that prints, which makes the sentence belong to the call that failed.
 *
 * What libwim's own worker threads print (rarely anything: they compress) stays in their buffers and is dropped with
 * them; the code of the call still tells that it failed.
 */
#define _GNU_SOURCE
#include "wim/messages.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <wimlib.h>

/* Enough for some hundred lines.  When it is full the oldest text stays: the first message names the cause. */
#define CAPACITY 32768

static __thread char text_of_thread[CAPACITY];
static __thread size_t length_of_thread;
static __thread bool overflowed_in_thread;

typedef void (*osd_xml_handler)(void *context, const char *format, ...);

/* libxml2's xmlGenericError of this thread (xmlerror.h), without a need for its headers; NULL without libxml2. */
static osd_xml_handler *
xml_handler_of_thread(void)
{
	void *library = dlopen("libxml2.so.2", RTLD_LAZY | RTLD_NOLOAD);
	osd_xml_handler *(*place)(void);

	if (library == NULL)
		return NULL;
	*(void **)&place = dlsym(library, "__xmlGenericError");
	dlclose(library); /* it was loaded before, and stays */
	return place == NULL ? NULL : place();
}

static ssize_t
write_to_thread(void *cookie, const char *data, size_t size)
{
	size_t room = CAPACITY - length_of_thread;
	size_t kept = size < room ? size : room;

	(void)cookie;
	memcpy(text_of_thread + length_of_thread, data, kept);
	length_of_thread += kept;
	if (kept < size)
		overflowed_in_thread = true;
	/* Claim all of it: a short count would set the error flag of the FILE for every thread. */
	return (ssize_t)size;
}

/* Send libwim's messages to the buffers of the threads.  Returns 0, or -1 with errno set. */
int
osd_messages_install(void)
{
	static FILE *sink;
	cookie_io_functions_t functions = { .write = write_to_thread };

	if (sink == NULL) {
		sink = fopencookie(NULL, "w", functions);
		if (sink == NULL)
			return -1;
		/* Unbuffered, or the text of one thread would be flushed by another. */
		setvbuf(sink, NULL, _IONBF, 0);
	}
	return wimlib_set_error_file(sink) == 0 ? 0 : -1;
}

static void
drop_xml_message(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

/*
 * Keep libxml2, with which libwim before 1.14 parses, from printing its own sentences on stderr; libwim says enough.
 * The handler belongs to this thread and perhaps to someone else in the process: the old one is returned, to be put
 * back.  NULL where libxml2 is not loaded.
 */
void *
osd_xml_quiet(void)
{
	osd_xml_handler *place = xml_handler_of_thread();
	osd_xml_handler before;

	if (place == NULL)
		return NULL;
	before = *place;
	*place = drop_xml_message;
	return (void *)before;
}

/* Put the handler back that osd_xml_quiet() returned. */
void
osd_xml_restore(void *before)
{
	osd_xml_handler *place = xml_handler_of_thread();

	if (place != NULL && before != NULL)
		*place = (osd_xml_handler)before;
}

/* Forget what this thread has printed so far. */
void
osd_messages_clear(void)
{
	length_of_thread = 0;
	overflowed_in_thread = false;
}

/*
 * Move what this thread has printed into text (at most capacity bytes, not terminated); returns its length.  Tells in
 * overflowed whether more was printed than could be kept.
 */
size_t
osd_messages_take(char *text, size_t capacity, int *overflowed)
{
	size_t length = length_of_thread < capacity ? length_of_thread : capacity;

	memcpy(text, text_of_thread, length);
	*overflowed = overflowed_in_thread || length < length_of_thread;
	osd_messages_clear();
	return length;
}
