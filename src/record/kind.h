/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_RECORD_KIND_H
#define CONNTAB_RECORD_KIND_H

#include "conntab/kind.h"

/* The callbacks that the table of kinds (kind.c) is made of; see struct kind. */
#define KIND_PARSE(name)                                                              \
	bool name(struct slice text, uint64_t maximum, struct naming *naming,         \
		  struct operand *operand, struct reason *reason)
#define KIND_FORMAT(name) \
	void name(struct buffer *buffer, const struct value *value, struct naming *naming)
#define KIND_NEXT(name) \
	bool name(const struct value *value, unsigned *position, struct list_part *part)

extern const struct word event_words[], family_words[], protocol_words[], state_words[], status_words[],
	flags_words[];

/* Reads one of the words, bits that are set as a number, or value/mask. */
bool bits_parse(const struct word *words, struct slice text, uint64_t maximum, struct naming *naming,
		struct operand *operand, struct reason *reason);
/* The next bit of a number at or after `*position`; the first `count` words name bits, from bit 0 on. */
bool bits_next(const struct word *words, unsigned count, const struct value *value, unsigned *position,
	       struct list_part *part);

KIND_PARSE(event_parse);
KIND_PARSE(family_parse);
KIND_PARSE(protocol_parse);
KIND_PARSE(address_parse);
KIND_PARSE(port_parse);
KIND_PARSE(number_parse);
KIND_PARSE(counter_parse);
KIND_PARSE(duration_parse);
KIND_PARSE(time_parse);
KIND_PARSE(mark_parse);
KIND_PARSE(state_parse);
KIND_PARSE(status_parse);
KIND_PARSE(flags_parse);
KIND_PARSE(labels_parse);
KIND_PARSE(text_parse);

KIND_FORMAT(event_format);
KIND_FORMAT(family_format);
KIND_FORMAT(protocol_format);
KIND_FORMAT(address_format);
KIND_FORMAT(number_format);
KIND_FORMAT(hex_format);
KIND_FORMAT(time_format);
KIND_FORMAT(state_format);
KIND_FORMAT(status_format);
KIND_FORMAT(labels_format);
KIND_FORMAT(text_format);

void counter_format_brief(struct buffer *buffer, const struct value *value);
void duration_format_brief(struct buffer *buffer, const struct value *value);
void mark_format_brief(struct buffer *buffer, const struct value *value);
void status_format_brief(struct buffer *buffer, const struct value *value);

void counter_bucket(uint64_t number, uint64_t *low, uint64_t *end);
void duration_bucket(uint64_t number, uint64_t *low, uint64_t *end);

KIND_NEXT(status_next);
KIND_NEXT(flags_next);
KIND_NEXT(labels_next);

void event_format_number(struct buffer *buffer, uint64_t number);
void family_format_number(struct buffer *buffer, uint64_t number);
void protocol_format_number(struct buffer *buffer, uint64_t number);
void state_format_number(struct buffer *buffer, uint64_t number);
void hex_format_number(struct buffer *buffer, uint64_t number);
void labels_operand_format(struct buffer *buffer, const struct labels *labels, struct naming *naming);
void address_operand_format(struct buffer *buffer, const struct operand *operand);
void time_operand_format(struct buffer *buffer, uint64_t low, uint64_t high);

#endif
