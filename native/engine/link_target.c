/*
 * The target of a symbolic link or junction of Windows as one of POSIX, the same that libwim makes of it.
 *
 * The data are those of [MS-FSCC] 2.1.2.4 and 2.1.2.5 without the header.  What a link leads to is its substitute name: a
 * relative one is a path whose separators change places with '/'; any other is a name of the kernel of Windows, of which
 * the device goes ("\??\C:\Users" becomes "/Users").
 */
#include "engine/link_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bytes.h"
#include "engine/handles.h"

enum {
	MOUNT_POINT_NAMES_AT = 8,
	SYMLINK_FLAGS_AT = 8,
	SYMLINK_NAMES_AT = 12,
};
#define SYMBOLIC_LINK_RELATIVE 1u

/* Find the substitute name in the data; return whether there is one. */
static int
find_name(uint32_t tag, const uint8_t *data, size_t size, const uint8_t **name, size_t *bytes)
{
	size_t names_at = tag == OSD_TAG_SYMLINK ? SYMLINK_NAMES_AT : MOUNT_POINT_NAMES_AT;
	size_t offset, print_offset, print_bytes;

	if (size < names_at || size > OSD_LARGEST_LINK)
		return 0;
	offset = get16(data);
	*bytes = get16(data + 2);
	print_offset = get16(data + 4);
	print_bytes = get16(data + 6);
	if (((offset | *bytes | print_offset | print_bytes) & 1) != 0 || names_at + offset + *bytes > size ||
	    names_at + print_offset + print_bytes > size)
		return 0;
	*name = data + names_at + offset;
	return 1;
}

/* Write UTF-16 as UTF-8, which has three bytes for a unit at most; return how many. */
static size_t
to_utf8(const uint8_t *name, size_t bytes, char *out)
{
	char *end = out;

	for (size_t i = 0; i < bytes; i += 2) {
		uint32_t character = get16(name + i), next = i + 2 < bytes ? get16(name + i + 2) : 0;

		if (character >= 0xD800 && character < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
			character = 0x10000 + ((character - 0xD800) << 10) + (next - 0xDC00);
			i += 2;
		}
		end += osd_put_utf8(end, character);
	}
	*end = '\0';
	return (size_t)(end - out);
}

/* Return what is behind the device of a name of the kernel. */
static char *
skip_device(char *name)
{
	static const char *const roots[] = { "\\??\\", "\\DosDevices\\", "\\Device\\" };

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		size_t length = strlen(roots[i]);

		if (strncmp(name, roots[i], length) != 0)
			continue;
		name += length;
		name += strspn(name, "\\");
		return name + strcspn(name, "\\");
	}
	return name;
}

/*
 * Return the target of a link, which the caller frees.
 *
 * above stands before one that is not relative, when it is not NULL: where the image has its root.  Returns NULL with
 * errno: EINVAL for data that are not those of such a link, or ENOMEM.
 */
char *
osd_link_target(uint32_t tag, const uint8_t *data, size_t size, const char *above)
{
	const uint8_t *name;
	size_t bytes, length, above_length;
	char *text, *target;
	int is_relative;

	if (!find_name(tag, data, size, &name, &bytes)) {
		errno = EINVAL;
		return NULL;
	}
	is_relative = tag == OSD_TAG_SYMLINK && (get32(data + SYMLINK_FLAGS_AT) & SYMBOLIC_LINK_RELATIVE) != 0;
	above_length = is_relative || above == NULL ? 0 : strlen(above);
	text = malloc(above_length + bytes / 2 * 3 + 2);
	if (text == NULL)
		return NULL;
	target = text + above_length;
	length = to_utf8(name, bytes, target);
	if (!is_relative) {
		char *rest = skip_device(target);

		length -= (size_t)(rest - target);
		memmove(target, rest, length + 1);
	}
	for (char *at = target; *at != '\0'; at++)
		*at = *at == '\\' ? '/' : *at == '/' ? '\\' : *at;
	if (above_length > 0)
		memcpy(text, above, above_length);
	else if (length == 0)
		/* One that led to the root of the image, before it was made relative to that. */
		memcpy(text, "/", 2);
	return text;
}
