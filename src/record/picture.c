/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntab/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What makes an entry the one it is, and then what is kept of it to tell of its end. */
static const uint8_t kept_fields[] = {
	FIELD_id, FIELD_family, FIELD_proto, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport,
	FIELD_gre_srckey, FIELD_gre_dstkey, FIELD_icmp_type, FIELD_icmp_code, FIELD_icmp_id,
	FIELD_zone, FIELD_orig_zone, FIELD_reply_zone,
	/* Compared, too, with what a dump says. */
	FIELD_status, FIELD_mark, FIELD_state,
	FIELD_reply_src, FIELD_reply_dst, FIELD_reply_sport, FIELD_reply_dport,
	FIELD_reply_gre_srckey, FIELD_reply_gre_dstkey,
	FIELD_reply_icmp_type, FIELD_reply_icmp_code, FIELD_reply_icmp_id,
};

enum {
	KEPT_FIELDS = sizeof(kept_fields),
	IDENTITY_END = 15, /* of kept_fields */
	COMPARED_END = 18,
	FIRST_BUCKETS = 1024,
	PACKED_MAX = 160,
};

struct known {
	struct known *next;
	uint32_t hash;
	uint32_t look;    /* the last one that saw it, in the dump or by an event */
	uint32_t present; /* bit n: has kept_fields[n] */
	bool is_told;     /* else only remembered during a look */
	bool is_proven;   /* events come of it */
	bool is_touched;  /* by an event during the look `look` */
	uint8_t packed[]; /* the members, one behind the other */
};

/* A record's kept members in the form in which they are kept. */
struct packed {
	uint32_t present;
	size_t length, identity_length;
	uint8_t bytes[PACKED_MAX];
};

static void pack(const struct record *record, struct packed *packed)
{
	packed->present = 0;
	packed->length = 0;
	for (unsigned i = 0; i < KEPT_FIELDS; i++) {
		const struct field *field = &fields[kept_fields[i]];

		if (i == IDENTITY_END)
			packed->identity_length = packed->length;
		if (record_has(record, kept_fields[i])) {
			packed->present |= 1u << i;
			memcpy(packed->bytes + packed->length, (const char *)record + field->offset, field->size);
		} else {
			memset(packed->bytes + packed->length, 0, field->size);
		}
		packed->length += field->size;
	}
}

static void unpack(const struct known *known, struct record *record)
{
	const uint8_t *from = known->packed;

	record->present = (struct field_set){ { 0, 0 } };
	for (unsigned i = 0; i < KEPT_FIELDS; i++) {
		const struct field *field = &fields[kept_fields[i]];

		memcpy((char *)record + field->offset, from, field->size);
		if (known->present >> i & 1)
			field_set_add(&record->present, kept_fields[i]);
		from += field->size;
	}
}

/* Takes over what the newer one has; what it lacks stays: an event has only what changed. True if something differed. */
static bool refresh(struct known *known, const struct packed *newer)
{
	bool differs = false;
	size_t at = 0;

	for (unsigned i = 0; i < KEPT_FIELDS; i++) {
		size_t size = fields[kept_fields[i]].size;

		if (newer->present >> i & 1) {
			differs = differs || (i >= IDENTITY_END && i < COMPARED_END &&
					      memcmp(known->packed + at, newer->bytes + at, size) != 0);
			memcpy(known->packed + at, newer->bytes + at, size);
		}
		at += size;
	}
	known->present |= newer->present;
	return differs;
}

/* FNV-1a. */
static uint32_t hash_of(const struct packed *packed)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < packed->identity_length; i++)
		hash = (hash ^ packed->bytes[i]) * 16777619u;
	return hash;
}

int picture_init(struct picture *picture)
{
	*picture = (struct picture){ .buckets = calloc(FIRST_BUCKETS, sizeof(struct known *)),
				     .bucket_count = FIRST_BUCKETS };
	return picture->buckets ? 0 : -ENOMEM;
}

void picture_done(struct picture *picture)
{
	for (size_t i = 0; picture->buckets && i < picture->bucket_count; i++)
		for (struct known *known = picture->buckets[i], *next; known; known = next) {
			next = known->next;
			free(known);
		}
	free(picture->buckets);
	*picture = (struct picture){ 0 };
}

void picture_fields(struct field_set *set)
{
	for (unsigned i = 0; i < KEPT_FIELDS; i++)
		field_set_include(set, kept_fields[i]);
}

static struct known **find(const struct picture *picture, const struct packed *packed, uint32_t hash)
{
	struct known **at = &picture->buckets[hash & (picture->bucket_count - 1)];

	while (*at && ((*at)->hash != hash || memcmp((*at)->packed, packed->bytes, packed->identity_length) != 0))
		at = &(*at)->next;
	return at;
}

/* Long chains are slow, not wrong: without memory for more buckets the old ones serve on. */
static void grow(struct picture *picture)
{
	size_t count = picture->bucket_count * 2;
	struct known **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i < picture->bucket_count; i++)
		for (struct known *known = picture->buckets[i], *next; known; known = next) {
			next = known->next;
			known->next = buckets[known->hash & (count - 1)];
			buckets[known->hash & (count - 1)] = known;
		}
	free(picture->buckets);
	picture->buckets = buckets;
	picture->bucket_count = count;
}

static struct known *insert(struct picture *picture, const struct packed *packed, uint32_t hash)
{
	struct known *known = malloc(sizeof(*known) + packed->length);
	struct known **bucket;

	if (!known)
		return NULL;
	if (picture->kept >= picture->bucket_count)
		grow(picture);
	bucket = &picture->buckets[hash & (picture->bucket_count - 1)];
	*known = (struct known){ .next = *bucket, .hash = hash, .look = picture->looks, .present = packed->present };
	memcpy(known->packed, packed->bytes, packed->length);
	*bucket = known;
	picture->kept++;
	return known;
}

static void forget(struct picture *picture, struct known **at)
{
	struct known *known = *at;

	*at = known->next;
	free(known);
	picture->kept--;
}

static void set_told(struct picture *picture, struct known *known, bool is_told)
{
	if (known->is_told == is_told)
		return;
	known->is_told = is_told;
	picture->told += is_told ? 1 : (size_t)-1;
	if (!known->is_proven)
		picture->unproven += is_told ? 1 : (size_t)-1;
}

/* An event came of it. */
static void touch(struct picture *picture, struct known *known)
{
	if (known->is_told && !known->is_proven)
		picture->unproven--;
	known->is_proven = true;
	known->is_touched = picture->is_looking;
	known->look = picture->looks;
}

static int end_of(struct picture *picture, struct known **at, const struct packed *packed, uint32_t hash)
{
	struct known *known = *at;
	bool was_told = known && known->is_told;

	if (!picture->is_looking) {
		if (known) {
			set_told(picture, known, false);
			forget(picture, at);
		}
		return was_told ? EVENT_DESTROY : 0;
	}
	/* The dump may have it still. */
	if (!known)
		known = insert(picture, packed, hash);
	if (!known)
		return -ENOMEM;
	set_told(picture, known, false);
	touch(picture, known);
	return was_told ? EVENT_DESTROY : 0;
}

int picture_event(struct picture *picture, const struct record *record, bool matches)
{
	struct packed packed;
	struct known **at, *known;
	uint32_t hash;
	bool was_told, differs;

	pack(record, &packed);
	hash = hash_of(&packed);
	at = find(picture, &packed, hash);
	if (record->event == EVENT_DESTROY)
		return end_of(picture, at, &packed, hash);
	known = *at;
	if (!known && !matches && !picture->is_looking)
		return 0;
	if (!known)
		known = insert(picture, &packed, hash);
	if (!known)
		return -ENOMEM;
	was_told = known->is_told;
	differs = refresh(known, &packed);
	set_told(picture, known, was_told || matches);
	touch(picture, known);
	/* The dump was ahead of the event. */
	if (was_told && record->event == EVENT_NEW)
		return differs ? EVENT_UPDATE : 0;
	return known->is_told ? record->event : 0;
}

void picture_look_begin(struct picture *picture)
{
	picture->looks++;
	picture->is_looking = true;
}

int picture_look(struct picture *picture, const struct record *record, bool matches)
{
	struct packed packed;
	struct known *known;
	uint32_t hash;

	pack(record, &packed);
	hash = hash_of(&packed);
	known = *find(picture, &packed, hash);
	if (known && known->is_touched)
		return 0;
	if (known) {
		known->look = picture->looks;
		return refresh(known, &packed) ? EVENT_UPDATE : 0;
	}
	if (!matches)
		return 0;
	known = insert(picture, &packed, hash);
	if (!known)
		return -ENOMEM;
	set_told(picture, known, true);
	return EVENT_PRESENT;
}

int picture_look_end(struct picture *picture, bool is_whole, int (*gone)(void *data, struct record *record),
		     void *data)
{
	int result = 0;

	picture->is_looking = false;
	for (size_t i = 0; i < picture->bucket_count; i++) {
		struct known **at = &picture->buckets[i];

		while (*at) {
			struct known *known = *at;
			bool is_gone = is_whole && known->is_told && known->look != picture->looks && result == 0;
			struct record record;

			known->is_touched = false;
			if (known->is_told && !is_gone) {
				at = &known->next;
				continue;
			}
			unpack(known, &record);
			set_told(picture, known, false);
			forget(picture, at);
			if (is_gone)
				result = gone(data, &record);
		}
	}
	return result;
}
