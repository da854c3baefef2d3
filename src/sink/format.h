/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTAB_SINK_FORMAT_H
#define CONNTAB_SINK_FORMAT_H

#include "conntab/sink.h"

extern const struct format proc_format, conntrack_format, table_format, json_format, jsonl_format,
	csv_format, xml_format, save_format;

/* Adds a list of field ids that ends with FIELD_NONE. */
void fields_require(struct field_set *set, const uint8_t *ids);

#endif
