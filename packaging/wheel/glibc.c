/*
 * Functions that the bundled libraries were compiled to call, and that glibc 2.28 lacks.
 *
 * Those of C23 (2.38) differ from the older ones in one point, that they also take binary numbers such as 0b11 where the
 * base is found out: nothing that is parsed here has such numbers.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN long
__isoc23_strtol(const char *text, char **end, int base)
{
	return strtol(text, end, base);
}

HIDDEN unsigned long
__isoc23_strtoul(const char *text, char **end, int base)
{
	return strtoul(text, end, base);
}

HIDDEN unsigned long long
__isoc23_strtoull(const char *text, char **end, int base)
{
	return strtoull(text, end, base);
}

HIDDEN int
__isoc23_sscanf(const char *text, const char *format, ...)
{
	va_list arguments;
	int count;

	va_start(arguments, format);
	count = vsscanf(text, format, arguments);
	va_end(arguments);
	return count;
}

/* Of glibc 2.32: the text without a translation. */
HIDDEN const char *
strerrordesc_np(int number)
{
	return strerror(number);
}
