/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of text and sets: helper names, security contexts, labels. */
#include <stdio.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "conntab/buffer.h"
#include "kind.h"

enum { LABEL_BITS = 128 };

struct nfct_labelmap *naming_labels(struct naming *naming)
{
	if (!naming->labels_looked_for) {
		naming->labels_looked_for = true;
		naming->labels = nfct_labelmap_new(NULL);
	}
	return naming->labels;
}

void naming_done(struct naming *naming)
{
	if (naming->labels)
		nfct_labelmap_destroy(naming->labels);
	*naming = (struct naming){ 0 };
}

KIND_PARSE(text_parse)
{
	(void)maximum;
	(void)naming;
	operand->test = TEST_TEXT;
	operand->text = text;
	if (text.length == 0 || text.length >= sizeof(struct security_context))
		snprintf(reason->text, sizeof(reason->text), "empty, or longer than %zu bytes",
			 sizeof(struct security_context) - 1);
	for (size_t i = 0, size; i < text.length && !reason->text[0]; i += size) {
		size = text_utf8_length(text.at + i, text.length - i);
		if (size == 0)
			snprintf(reason->text, sizeof(reason->text), "control characters or broken UTF-8");
	}
	return !reason->text[0];
}

KIND_FORMAT(text_format)
{
	(void)naming;
	buffer_untrusted(buffer, value->data, strlen(value->data));
}

KIND_PARSE(labels_parse)
{
	struct nfct_labelmap *map = naming_labels(naming);
	char name[128];
	uint64_t number;
	int bit = -1;

	(void)maximum;
	operand->test = TEST_LABELS;
	operand->labels = (struct labels){ { 0 } };
	if (map && slice_copy(text, name, sizeof(name)))
		bit = nfct_labelmap_get_bit(map, name);
	if (bit < 0 && slice_number(text, LABEL_BITS - 1, &number))
		bit = (int)number;
	if (bit < 0) {
		snprintf(reason->text, sizeof(reason->text), "no such label%s",
			 map ? "" : " (no connlabel.conf here)");
		return false;
	}
	operand->labels.words[bit / 32] = 1u << bit % 32;
	return true;
}

static bool labels_next_bit(const struct labels *labels, unsigned *position, unsigned *bit)
{
	for (*bit = *position; *bit < LABEL_BITS; ++*bit) {
		if (labels->words[*bit / 32] >> *bit % 32 & 1) {
			*position = *bit + 1;
			return true;
		}
	}
	return false;
}

KIND_NEXT(labels_next)
{
	unsigned bit;

	if (!labels_next_bit(value->data, position, &bit))
		return false;
	*part = (struct list_part){ .number = bit };
	return true;
}

void labels_operand_format(struct buffer *buffer, const struct labels *labels, struct naming *naming)
{
	struct nfct_labelmap *map = naming_labels(naming);
	unsigned position = 0, bit;
	bool is_first = true;

	while (labels_next_bit(labels, &position, &bit)) {
		const char *name = map ? nfct_labelmap_get_name(map, bit) : NULL;

		if (!is_first)
			buffer_char(buffer, ',');
		is_first = false;
		if (name && *name)
			buffer_untrusted(buffer, name, strlen(name));
		else
			buffer_unsigned(buffer, bit);
	}
}

KIND_FORMAT(labels_format)
{
	labels_operand_format(buffer, value->data, naming);
}
