/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void fill(struct error *error, int code, const char *format, va_list arguments)
{
	error->code = code;
	vsnprintf(error->text, sizeof(error->text), format, arguments);
}

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (error->code)
		return error->code;
	va_start(arguments, format);
	fill(error, code, format, arguments);
	va_end(arguments);
	return code;
}

int error_usage(struct error *error, size_t column, const char *format, ...)
{
	va_list arguments;

	if (error->code)
		return error->code;
	error->is_usage = true;
	error->column = column;
	va_start(arguments, format);
	fill(error, -EINVAL, format, arguments);
	va_end(arguments);
	return -EINVAL;
}
