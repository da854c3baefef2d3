/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SINK_FORMAT_H
#define CONNTAB_SINK_FORMAT_H

#include "conntab/sink.h"

extern const struct format proc_format, conntrack_format, table_format, json_format, jsonl_format,
	csv_format, xml_format, save_format;

/* How proc, conntrack and xml write expectations. */
extern const struct format proc_expectations, conntrack_expectations, xml_expectations;

extern const struct format_extra conntrack_extras[];
/* "[1700000000.123456]\t" before the line of an event, if that extra was asked for. */
void conntrack_put_when(struct printer *printer, const struct record *record);
/* <name>value</name>, nothing for a field that the record lacks. */
void xml_put_element(struct printer *printer, const struct record *record, enum field_id id, const char *name);
void xml_fields(const struct printer *printer, struct field_set *set);

/* Adds a list of field ids that ends with FIELD_NONE. */
void fields_require(struct field_set *set, const uint8_t *ids);

#endif
