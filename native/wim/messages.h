/* Per-thread capture of the text that libwim prints.  See messages.c. */
#ifndef OSDIMAGE_MESSAGES_H
#define OSDIMAGE_MESSAGES_H

#include <stddef.h>

int osd_messages_install(void);
void osd_messages_clear(void);
void *osd_xml_quiet(void);
void osd_xml_restore(void *before);
size_t osd_messages_take(char *text, size_t capacity, int *overflowed);

#endif
