/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/json.h"

void json_string(struct buffer *buffer, const char *text, size_t length)
{
	size_t i = 0;

	buffer_char(buffer, '"');
	while (i < length) {
		unsigned char byte = (unsigned char)text[i];
		size_t size = text_utf8_length(text + i, length - i);

		if (byte == '"' || byte == '\\') {
			buffer_char(buffer, '\\');
			buffer_char(buffer, (char)byte);
		} else if (size > 0) {
			buffer_bytes(buffer, text + i, size);
			i += size - 1;
		} else if (byte < 0x80) {
			buffer_format(buffer, "\\u%04x", byte);
		} else {
			buffer_text(buffer, "\xef\xbf\xbd");
		}
		i++;
	}
	buffer_char(buffer, '"');
}
