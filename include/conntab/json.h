/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_JSON_H
#define CONNTAB_JSON_H

#include <stddef.h>

#include "conntab/buffer.h"

/* A JSON string (RFC 8259) of untrusted bytes: broken UTF-8 becomes U+FFFD. */
void json_string(struct buffer *buffer, const char *text, size_t length);

#endif
