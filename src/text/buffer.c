/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/buffer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int buffer_init(struct buffer *buffer, int fd)
{
	*buffer = (struct buffer){ .fd = fd };
	buffer->capacity = fd < 0 ? BUFFER_RESERVE_MAX : BUFFER_CAPACITY;
	buffer->data = malloc(buffer->capacity);
	return buffer->data ? 0 : -ENOMEM;
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ .fd = -1 };
}

/* How long a reader may take, once a signal has asked us to end, in milliseconds. */
enum { PATIENCE = 200 };

/*
 * How much to write at once: all, until a signal comes. Then only what is sure not
 * to hang; 0 when the reader does not take even that.
 */
static size_t part_to_write(const struct buffer *buffer, size_t length)
{
	struct pollfd reader = { .fd = buffer->fd, .events = POLLOUT };

	if (!buffer->interrupt || !*buffer->interrupt)
		return length;
	if (poll(&reader, 1, PATIENCE) <= 0)
		return 0;
	return length < PIPE_BUF ? length : PIPE_BUF;
}

static int write_all(const struct buffer *buffer)
{
	const char *data = buffer->data;
	size_t length = buffer->length;

	while (length > 0) {
		size_t part = part_to_write(buffer, length);
		ssize_t written = part ? write(buffer->fd, data, part) : -1;

		if (part == 0)
			return -EINTR;
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Only once: whoever looked may write something itself. */
static void show_before_write(struct buffer *buffer)
{
	void (*show)(struct buffer *buffer, void *data) = buffer->before_write;

	buffer->before_write = NULL;
	show(buffer, buffer->before_write_data);
}

int buffer_flush(struct buffer *buffer)
{
	if (buffer->before_write && buffer->fd >= 0 && buffer->length > 0)
		show_before_write(buffer);
	if (buffer->error == 0 && buffer->fd >= 0 && buffer->length > 0)
		buffer->error = write_all(buffer);
	if (buffer->fd >= 0)
		buffer->length = 0;
	return buffer->error;
}

void buffer_make_room(struct buffer *buffer)
{
	if (buffer->fd < 0 && buffer->error == 0) {
		size_t capacity = buffer->capacity * 2;
		char *data = realloc(buffer->data, capacity);

		if (data) {
			buffer->data = data;
			buffer->capacity = capacity;
			return;
		}
		buffer->error = -ENOMEM;
	}
	buffer_flush(buffer);
	buffer->length = 0;
}

void buffer_bytes(struct buffer *buffer, const void *bytes, size_t length)
{
	const char *from = bytes;

	while (length > 0) {
		size_t part = length < BUFFER_RESERVE_MAX ? length : BUFFER_RESERVE_MAX;
		char *at = buffer_reserve(buffer, part);

		memcpy(at, from, part);
		buffer_advance(buffer, at + part);
		from += part;
		length -= part;
	}
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_bytes(buffer, text, strlen(text));
}

void buffer_char(struct buffer *buffer, char character)
{
	char *at = buffer_reserve(buffer, 1);

	*at = character;
	buffer_advance(buffer, at + 1);
}

void buffer_repeat(struct buffer *buffer, char character, size_t count)
{
	while (count-- > 0)
		buffer_char(buffer, character);
}

void buffer_unsigned(struct buffer *buffer, uint64_t number)
{
	char *at = buffer_reserve(buffer, 20);

	buffer_advance(buffer, text_unsigned(at, number));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	char *at = buffer_reserve(buffer, BUFFER_RESERVE_MAX);
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(at, BUFFER_RESERVE_MAX, format, arguments);
	va_end(arguments);
	if (length < 0)
		length = 0;
	if (length >= BUFFER_RESERVE_MAX)
		length = BUFFER_RESERVE_MAX - 1;
	buffer_advance(buffer, at + length);
}

size_t text_utf8_length(const char *text, size_t length)
{
	const unsigned char *byte = (const unsigned char *)text;
	uint32_t point;
	size_t size;

	if (length == 0 || byte[0] < 0x20 || byte[0] == 0x7f)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	size = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	if (byte[0] < 0xc2 || byte[0] > 0xf4 || size > length)
		return 0;
	point = byte[0] & (0xffu >> (size + 1));
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (byte[i] & 0x3f);
	}
	/* C1 controls, over-long forms, surrogates and what is beyond Unicode. */
	if (point < 0xa0 || (size == 3 && point < 0x800) || (size == 4 && point < 0x10000) ||
	    (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff)
		return 0;
	return size;
}

void buffer_untrusted(struct buffer *buffer, const char *text, size_t length)
{
	size_t i = 0;

	while (i < length) {
		size_t size = text_utf8_length(text + i, length - i);

		if (size > 0) {
			buffer_bytes(buffer, text + i, size);
			i += size;
		} else {
			buffer_format(buffer, "\\x%02x", (unsigned char)text[i]);
			i++;
		}
	}
}

const char *buffer_string(struct buffer *buffer)
{
	*buffer_reserve(buffer, 1) = '\0';
	return buffer->data;
}

char *text_unsigned(char *at, uint64_t number)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

char *text_hexadecimal(char *at, uint64_t number)
{
	int shift = 60;

	while (shift > 0 && (number >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[(number >> shift) & 15];
	return at;
}
