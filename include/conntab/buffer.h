/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_BUFFER_H
#define CONNTAB_BUFFER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A text buffer: all output is composed here and leaves in large writes.
 *
 * With a file descriptor the buffer has a fixed size and is written out when it
 * is full; without one (fd -1) it grows. The first error sticks in `error` as
 * -errno; everything appended after it is thrown away, so that callers may
 * append freely and look once, at buffer_flush().
 */
struct buffer {
	char *data;
	size_t length;   /* bytes in use */
	size_t capacity; /* bytes allocated */
	int fd;          /* where it is written, or -1: kept in memory */
	int error;       /* 0 or the first -errno */
	/* Where a signal's number appears: from then on no write waits long (-EINTR); NULL: nowhere. */
	const volatile sig_atomic_t *interrupt;
	/* Called once, with what is held, before the first write; NULL: nobody wants to see it. */
	void (*before_write)(struct buffer *buffer, void *data);
	void *before_write_data;
};

enum {
	BUFFER_CAPACITY = 64 * 1024, /* of a buffer that is written out */
	BUFFER_RESERVE_MAX = 4096,   /* the most that buffer_reserve() grants */
};

/* Prepares a buffer; `fd` is not owned. Returns 0 or -ENOMEM. */
int buffer_init(struct buffer *buffer, int fd);
/* Frees the memory; what was not flushed is lost. */
void buffer_done(struct buffer *buffer);
/* Writes all that is held (fd buffers). Returns 0 or the sticky -errno. */
int buffer_flush(struct buffer *buffer);
/* Room for at least BUFFER_RESERVE_MAX bytes after `length`; slow path of buffer_reserve(). */
void buffer_make_room(struct buffer *buffer);

/*
 * A place for `size` bytes (at most BUFFER_RESERVE_MAX); the caller writes there
 * and then calls buffer_advance(). Never fails: after an error it is scratch.
 */
static inline char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (buffer->capacity - buffer->length < size)
		buffer_make_room(buffer);
	return buffer->data + buffer->length;
}

/* `end` is one past the last byte written at what buffer_reserve() gave. */
static inline void buffer_advance(struct buffer *buffer, const char *end)
{
	buffer->length = (size_t)(end - buffer->data);
}

void buffer_bytes(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char character);
void buffer_repeat(struct buffer *buffer, char character, size_t count);
void buffer_unsigned(struct buffer *buffer, uint64_t number);
void buffer_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Text from outside (helper names, contexts, arguments in messages): bytes that
 * could drive a terminal (below 0x20, 0x7f to 0x9f as UTF-8 C1, broken UTF-8)
 * are written as \xNN. `length` bytes are read.
 */
void buffer_untrusted(struct buffer *buffer, const char *text, size_t length);
/* The text so far as a C string, owned by the buffer, valid until the next append. */
const char *buffer_string(struct buffer *buffer);

/* Writes a number in decimal without a terminator; returns one past the last digit (20 at most). */
char *text_unsigned(char *at, uint64_t number);
/* The same in lower-case hexadecimal, without 0x (16 digits at most). */
char *text_hexadecimal(char *at, uint64_t number);

/* Length of the valid UTF-8 sequence at `text` (1 to 4), or 0 when it is broken or a control. */
size_t text_utf8_length(const char *text, size_t length);

#endif
