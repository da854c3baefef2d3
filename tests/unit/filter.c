/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>

#include "conntab/buffer.h"
#include "conntab/filter.h"
#include "random_filter.h"

enum { RANDOM_FILTERS = 10000, RANDOM_FILTERS_SLOWLY = 500, RECORDS = 60 };

static struct naming naming;

static struct filter *parse(const char *text)
{
	struct error error = { 0 };
	struct filter *filter;

	if (filter_parse(text, &naming, &filter, &error))
		fail_msg("\"%s\": column %zu: %s", text, error.column, error.text);
	return filter;
}

/* The printed form, to be freed. */
static char *print(const struct filter *filter)
{
	struct buffer buffer;
	char *text;

	assert_int_equal(buffer_init(&buffer, -1), 0);
	filter_format(filter, &buffer, &naming);
	text = strdup(buffer_string(&buffer));
	buffer_done(&buffer);
	return text;
}

static void check_print(const char *text, const char *expected)
{
	struct filter *filter = parse(text);
	char *printed = print(filter);

	if (strcmp(printed, expected) != 0)
		fail_msg("\"%s\" is printed as \"%s\", expected \"%s\"", text, printed, expected);
	free(printed);
	filter_free(filter);
}

/* ---- faults ---- */

static const struct {
	const char *text;
	size_t column;
	const char *says; /* a part of the message */
} faults[] = {
	{ "tcpp", 1, "\"tcpp\" is no field, protocol, state or status; did you mean \"tcp\"?" },
	{ "tcp establishd", 5, "did you mean \"established\"?" },
	{ "tcp dprt 80", 5, "did you mean \"dport\"?" },
	{ "zzzzzzzz", 1, "(conntab help fields)" },
	{ "10.0.0.1", 1, "did you mean \"addr 10.0.0.1\"" },
	{ "tcp 2001:db8::/32", 5, "did you mean \"addr 2001:db8::/32\"" },
	{ "dport", 6, "the filter ends here, expected a port" },
	{ "tcp dport ", 11, "the filter ends here, expected a port" },
	{ "dport 65536", 7, "more than 65535" },
	{ "dport 80 sport 99999", 16, "sport: \"99999\" is not a port" },
	{ "dport no-such-service", 7, "no such service" },
	{ "dport 443-80", 7, "the range is upside down" },
	{ "dport -1", 7, "is not a port" },
	{ "dport 80,", 10, "the filter ends here" },
	{ "dport 80,,443", 10, "expected a port" },
	{ "dport {80", 10, "expected \"}\" or another value" },
	{ "dport {}", 8, "expected a port" },
	{ "dport {80 | 443}", 11, "expected \"}\" or another value" },
	{ "dport ==", 9, "the filter ends here" },
	{ "dport = = 80", 9, "expected a port" },
	{ "dport > 80,443", 7, "only one plain value" },
	{ "dport <", 8, "the filter ends here" },
	{ "src 10.0.0.256", 5, "src: \"10.0.0.256\" is not an address" },
	{ "src 10.0.0.0/33", 5, "the prefix is longer than 32 bits" },
	{ "src 10.0.0.0/", 5, "no such prefix or mask" },
	{ "src 10.0.0.0/255.0.255.0", 5, "no such prefix or mask" },
	{ "src 10.0.0.0/ffff::", 5, "no such prefix or mask" },
	{ "dst 2001:db8::/129", 5, "the prefix is longer than 128 bits" },
	{ "dst 2001:db8:::1", 5, "is not an address" },
	{ "addr 10.0.0.9-10.0.0.1", 6, "the range is upside down" },
	{ "addr 10.0.0.9-2001:db8::1", 6, "of two families" },
	{ "src > 10.0.0.1", 5, "src has no order" },
	{ "state > established", 7, "state has no order" },
	{ "state establshed", 7, "did you mean \"established\"?" },
	{ "state in established close", 22, "the shell took the braces away" },
	{ "not status in assured snat", 23, "the shell took the braces away" },
	{ "status asured", 8, "did you mean \"assured\"?" },
	{ "status 5-5", 8, "is not a flag" }, /* it could not be printed so that it is read again */
	{ "status 0", 8, "is not a flag" },
	{ "proto 256", 7, "more than 255" },
	{ "proto nosuch", 7, "is not a protocol" },
	{ "family ipv5", 8, "did you mean \"ipv4\"?" },
	{ "mark 0x2/0x1", 6, "outside the mask" },
	{ "mark 0x100000000", 6, "more than 4294967295" },
	{ "mark 1/", 6, "is not a mark" },
	{ "zone 65536", 6, "more than 65535" },
	{ "labels 128", 8, "no such label" },
	{ "labels nosuch", 8, "no such label" },
	{ "bytes > 10X", 9, "bytes: \"10X\" is not a number such as" },
	{ "bytes > 1.5M", 9, "bytes: \"1.5M\"" },
	{ "idle > 1y", 8, "idle: \"1y\" is not a time" },
	{ "timeout 99999999999", 9, "more than 4294967295" },
	{ "start > yesterday", 9, "is not a time such as 2026-11-22" },
	{ "start > 2026-13-01", 9, "is not a time" },
	{ "helper \"\"", 8, "empty" },
	{ "helper \"ftp", 8, "a quote is not closed" },
	{ "tcp 'x", 5, "a quote is not closed" },
	{ "(tcp", 5, "the filter ends here, expected \")\"" },
	{ "tcp)", 4, "expected \"and\", \"or\" or another term, not \")\"" },
	{ "()", 2, "expected a field or a word" },
	{ "tcp or", 7, "the filter ends here, expected a field or a word" },
	{ "or tcp", 1, "expected a field or a word" },
	{ "tcp and and udp", 9, "expected a field or a word" },
	{ "not", 4, "the filter ends here" },
	{ "tcp & udp", 5, "not \"&\"" },
	{ "tcp | udp", 5, "not \"|\"" },
	{ "= 80", 1, "expected a field or a word" },
	{ "tcp \"udp\"", 5, "expected a field or a word" },
	{ "icmp.type 256", 11, "more than 255" },
	{ "gre.srckey 0x10000", 12, "more than 65535" },
	{ "tcp \x1b[31m", 5, "\"?[31m\" is no field" },
};

static void faults_are_told_with_their_place(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct error error = { 0 };
		struct filter *filter = NULL;
		int result = filter_parse(faults[i].text, &naming, &filter, &error);

		if (result == -EINVAL && error.is_usage && !filter && error.column == faults[i].column &&
		    strstr(error.text, faults[i].says))
			continue;
		print_error("\"%s\": %d, column %zu (expected %zu): %s (expected %s)\n", faults[i].text, result, error.column,
			    faults[i].column, error.text, faults[i].says);
		filter_free(filter);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void nesting_has_a_limit(void **state)
{
	struct error error = { 0 };
	struct filter *filter;
	char text[100000];

	(void)state;
	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(filter_parse(text, &naming, &filter, &error), -EINVAL);
	assert_non_null(strstr(error.text, "nested more than"));
	memcpy(text + 60, "tcp", 3);
	memset(text + 63, ')', 60);
	text[123] = '\0';
	filter_free(parse(text));
	error = (struct error){ 0 };
	for (size_t i = 0; i + 4 < sizeof(text); i += 4)
		memcpy(text + i, "not ", 4);
	assert_int_equal(filter_parse(text, &naming, &filter, &error), -EINVAL);
}

static void long_filters_are_no_trouble(void **state)
{
	size_t size = 1 << 20, length = 0;
	char *text = malloc(size);
	struct filter *filter;

	(void)state;
	assert_non_null(text);
	while (length + 32 < size)
		length += (size_t)sprintf(text + length, "%sdport %zu", length ? " or " : "", length % 65536);
	filter = parse(text);
	filter_free(filter);
	length = (size_t)sprintf(text, "dport {");
	while (length + 32 < size)
		length += (size_t)sprintf(text + length, "%zu ", length % 65536);
	strcpy(text + length, "}");
	filter = parse(text);
	filter_free(filter);
	free(text);
}

static void no_words_are_no_filter(void **state)
{
	struct filter *filter = (struct filter *)1;
	struct error error = { 0 };
	struct record record = { 0 };

	(void)state;
	assert_int_equal(filter_parse(" \t\n", &naming, &filter, &error), 0);
	assert_null(filter);
	assert_true(filter_matches(NULL, &record));
	filter_free(NULL);
}

/* ---- printing ---- */

static void filters_are_printed_plainly(void **state)
{
	(void)state;
	check_print("TCP AND (DPORT https) && ! src 10.0.0.0/255.0.0.0", "tcp and dport = 443 and src != 10.0.0.0/8");
	check_print("not (tcp and dport 80)", "not tcp or dport != 80");
	check_print("not (tcp or bytes > 10000000)", "not tcp and not bytes > 10M");
	check_print("tcp (udp or icmp) sctp", "tcp and (udp or icmp) and sctp");
	check_print("tcp (udp icmp) sctp", "tcp and udp and icmp and sctp");
	check_print("tcp udp or icmp sctp", "tcp and udp or icmp and sctp");
	check_print("proto 6", "tcp");
	check_print("proto 6-17", "proto = tcp-udp");
	check_print("state not in established,close", "state not in {established, close}");
	check_print("status 4", "assured");
	check_print("status 0/2", "unreplied");
	check_print("status 6/6", "status = 0x6/0x6");
	check_print("mark 1/255", "mark = 0x1/0xff");
	check_print("idle > 5400", "idle > 1h30m");
	check_print("bytes 1000000-2000000", "bytes = 1M-2M");
	check_print("src 10.0.0.0-10.0.0.255", "src = 10.0.0.0/24");
	check_print("src 10.0.0.1-10.0.0.255", "src = 10.0.0.1-10.0.0.255");
	check_print("src 2001:DB8:0:0::/32", "src = 2001:db8::/32");
	check_print("helper 'a\"b*'", "helper = 'a\"b*'");
	check_print("helper ftp*", "helper = \"ftp*\"");
	check_print("gre.srckey 16", "gre.srckey = 0x10");
	check_print("start 2026-11-22T18:30Z", "start = 2026-11-22T18:30Z");
	check_print("start 2026-11-22Z", "start = 2026-11-22Z");
	check_print("labels 5,6", "labels in {5, 6}");
	check_print("not not not tcp", "not tcp");
}

/* A day of a place that is not on Greenwich's time begins at another moment, but is still a day. */
static void a_local_day_keeps_its_length(void **state)
{
	struct record record = { .start = 1795348800000000000 }; /* noon of that day */
	struct filter *filter, *again;
	char *printed;

	(void)state;
	setenv("TZ", "CET-1", 1);
	tzset();
	filter = parse("start 2026-11-22");
	printed = print(filter);
	again = parse(printed);
	setenv("TZ", "UTC", 1);
	tzset();
	field_set_add(&record.present, FIELD_start);
	if (!filter_matches(filter, &record))
		fail_msg("noon is not in the day");
	if (!filter_matches(again, &record))
		fail_msg("the day is printed as \"%s\", which has no noon", printed);
	free(printed);
	filter_free(filter);
	filter_free(again);
}

/* ---- random filters ---- */

static struct record records[RECORDS];

static void make_records(uint64_t *seed)
{
	for (size_t i = 0; i < RECORDS; i++)
		random_record(seed, &records[i]);
}

/* Calls `check` with many random filters, each time with other records. */
static void each_random_filter(void (*check)(const struct our_filter *our, const struct filter *filter))
{
	static struct our_filter our;
	unsigned count = getenv("CONNTAB_VALGRIND") ? RANDOM_FILTERS_SLOWLY : RANDOM_FILTERS;
	uint64_t seed = 77;

	for (unsigned i = 0; i < count; i++) {
		struct filter *filter;

		if (i % 20 == 0)
			make_records(&seed);
		our_filter_make(&our, &seed);
		filter = parse(our.text);
		check(&our, filter);
		filter_free(filter);
	}
}

static void check_truth(const struct our_filter *our, const struct filter *filter)
{
	for (size_t i = 0; i < RECORDS; i++)
		if (filter_matches(filter, &records[i]) != (our_truth(our->root, &records[i]) == OUR_TRUE))
			fail_msg("\"%s\": record %zu should%s match", our->text, i,
				 filter_matches(filter, &records[i]) ? " not" : "");
}

static void evaluation_agrees_with_a_naive_one(void **state)
{
	(void)state;
	each_random_filter(check_truth);
}

static void check_printing(const struct our_filter *our, const struct filter *filter)
{
	char *printed = print(filter), *again;
	struct filter *parsed = parse(printed);

	again = print(parsed);
	if (strcmp(printed, again) != 0)
		fail_msg("\"%s\" is printed as \"%s\", that as \"%s\"", our->text, printed, again);
	for (size_t i = 0; i < RECORDS; i++)
		if (filter_matches(filter, &records[i]) != filter_matches(parsed, &records[i]))
			fail_msg("\"%s\" is printed as \"%s\", which is another filter", our->text, printed);
	free(printed);
	free(again);
	filter_free(parsed);
}

static void printing_is_stable(void **state)
{
	(void)state;
	each_random_filter(check_printing);
}

/* "not (A and B)" is "not A or not B" to the letter, since negations are pushed down. */
static void check_de_morgan(const struct our_filter *our, const struct filter *filter)
{
	static char text[2 * OUR_TEXT_BYTES + 64];
	static const char *const other = "(udp or bytes > 1000)";
	struct filter *left, *right;
	char *one, *two;

	(void)filter;
	for (int is_or = 0; is_or < 2; is_or++) {
		snprintf(text, sizeof(text), "not ((%s) %s %s)", our->text, is_or ? "or" : "and", other);
		left = parse(text);
		snprintf(text, sizeof(text), "(not (%s)) %s (not %s)", our->text, is_or ? "and" : "or", other);
		right = parse(text);
		one = print(left);
		two = print(right);
		assert_string_equal(one, two);
		free(one);
		free(two);
		filter_free(left);
		filter_free(right);
	}
}

static void de_morgan(void **state)
{
	(void)state;
	each_random_filter(check_de_morgan);
}

/* What is needed for a filter is all that it reads: without the other fields nothing changes. */
static void check_fields(const struct our_filter *our, const struct filter *filter)
{
	struct field_set set = { { 0, 0 } };

	filter_fields(filter, &set);
	for (size_t i = 0; i < RECORDS; i++) {
		struct record less = records[i];

		less.present.bits[0] &= set.bits[0];
		less.present.bits[1] &= set.bits[1];
		if (filter_matches(filter, &less) != filter_matches(filter, &records[i]))
			fail_msg("\"%s\" reads more fields than it says", our->text);
	}
}

static void a_filter_tells_its_fields(void **state)
{
	(void)state;
	each_random_filter(check_fields);
}

/* Bytes of all sorts: refused or taken, but never a crash, and a fault has a place within the text. */
static void random_bytes_are_refused_politely(void **state)
{
	static const char letters[] = "tcp udp dport not and or in is = != < > <= >= ( ) { } , 10.0.0.1/8 \"' 0x1/0xff 5d 10M-20M & | ! src";
	uint64_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		struct error error = { 0 };
		struct filter *filter = NULL;
		char text[64];
		size_t length = random_below(&seed, sizeof(text));

		for (size_t at = 0; at < length;) {
			size_t from = random_below(&seed, sizeof(letters) - 1), some = 1 + random_below(&seed, 8);

			for (; some > 0 && at < length && from < sizeof(letters) - 1; some--)
				text[at++] = random_below(&seed, 50) ? letters[from++] : (char)(1 + random_below(&seed, 255));
		}
		text[length] = '\0';
		if (filter_parse(text, &naming, &filter, &error))
			assert_in_range(error.column, 1, strlen(text) + 1);
		filter_free(filter);
	}
}

/* ---- what the kernel is asked ---- */

static const uint8_t plan_families[] = { AF_UNSPEC, AF_INET, AF_INET6 };

static bool sends(const struct kernel_filter *kernel, enum field_id id)
{
	return field_set_has(&kernel->tuple_fields, id);
}

static void check_dump(const char *text, const struct kernel_filter *kernel)
{
	static const uint8_t known[] = {
		FIELD_proto, FIELD_src, FIELD_dst, FIELD_sport, FIELD_dport, FIELD_icmp_type, FIELD_icmp_id,
		FIELD_reply_src, FIELD_reply_dst, FIELD_reply_sport, FIELD_reply_dport, FIELD_reply_icmp_type,
		FIELD_reply_icmp_id,
	};
	struct field_set rest = kernel->tuple_fields;
	unsigned class = sends(kernel, FIELD_proto) ? protocol_class(kernel->tuple.proto) : 0;

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		unsigned protocols = fields[known[i]].kind == KIND_PORT ? CLASS_TCP | CLASS_UDP : fields[known[i]].protocols;
		struct value value = field_value(known[i], &kernel->tuple);

		field_set_remove(&rest, known[i]);
		if (!sends(kernel, known[i]))
			continue;
		if (kernel->family == AF_UNSPEC)
			fail_msg("\"%s\": a tuple without a family", text);
		if (protocols && !(protocols & class))
			fail_msg("\"%s\": %s with protocol %u", text, fields[known[i]].name, kernel->tuple.proto);
		if (value.kind == KIND_ADDRESS && ((const struct address *)value.data)->family != AF_INET)
			fail_msg("\"%s\": an IPv6 address is sent", text);
	}
	if (rest.bits[0] || rest.bits[1])
		fail_msg("\"%s\": something is sent that the kernel does not evaluate", text);
}

static void check_plan(const struct our_filter *our, const struct filter *filter)
{
	for (size_t family = 0; family < COUNT_OF(plan_families); family++) {
		struct kernel_plan plan;

		filter_plan(filter, plan_families[family], &plan);
		assert_in_range(plan.count, 1, 2);
		for (unsigned i = 0; i < plan.count; i++)
			check_dump(our->text, &plan.dumps[i]);
		if (plan.count == 2)
			assert_int_equal(plan.dumps[0].family + plan.dumps[1].family, AF_INET + AF_INET6);
	}
}

static void the_kernel_is_asked_only_what_it_knows(void **state)
{
	(void)state;
	each_random_filter(check_plan);
}

/* ctnetlink_parse_tuple_ip() looks for an address of the message's family and refuses to be given another. */
static void check_address_family(const struct our_filter *our, const struct filter *filter)
{
	static const uint8_t addresses[] = { FIELD_src, FIELD_dst, FIELD_reply_src, FIELD_reply_dst };

	for (size_t family = 0; family < COUNT_OF(plan_families); family++) {
		struct kernel_plan plan;

		filter_plan(filter, plan_families[family], &plan);
		for (unsigned i = 0; i < plan.count; i++)
			for (size_t j = 0; j < COUNT_OF(addresses); j++)
				if (sends(&plan.dumps[i], addresses[j]) && plan.dumps[i].family != AF_INET)
					fail_msg("\"%s\" with family %u: an IPv4 address in a message of family %u", our->text,
						 plan_families[family], plan.dumps[i].family);
	}
}

static void no_address_goes_with_the_other_family(void **state)
{
	(void)state;
	each_random_filter(check_address_family);
}

/* icmp_nlattr_to_tuple() and icmpv6_nlattr_to_tuple() refuse types that have no answer (invmap[]). */
static bool has_answer(uint8_t protocol, uint8_t type)
{
	if (protocol == IPPROTO_ICMPV6)
		return type == 128 || type == 129 || type == 139 || type == 140;
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static void check_icmp_types(const struct our_filter *our, const struct filter *filter)
{
	struct kernel_plan plan;

	filter_plan(filter, AF_UNSPEC, &plan);
	for (unsigned i = 0; i < plan.count; i++) {
		const struct kernel_filter *kernel = &plan.dumps[i];

		if ((sends(kernel, FIELD_icmp_type) && !has_answer(kernel->tuple.proto, kernel->tuple.icmp_type)) ||
		    (sends(kernel, FIELD_reply_icmp_type) &&
		     !has_answer(kernel->tuple.proto, kernel->tuple.reply_icmp_type)))
			fail_msg("\"%s\": the kernel refuses this type", our->text);
	}
}

static void no_icmp_type_is_sent_that_the_kernel_refuses(void **state)
{
	(void)state;
	each_random_filter(check_icmp_types);
}

/* ---- soundness: what matches is among what the kernel sends ---- */

static uint16_t zone_of(const struct record *record)
{
	if (record_has(record, FIELD_orig_zone))
		return record->orig_zone;
	if (record_has(record, FIELD_reply_zone))
		return record->reply_zone;
	return record->zone;
}

static bool kernel_takes(const struct kernel_filter *kernel, const struct record *record)
{
	if (kernel->family != AF_UNSPEC && kernel->family != record->family)
		return false;
	if (kernel->has_mark && (record->mark & kernel->mark_mask) != kernel->mark)
		return false;
	if (kernel->has_status && (record->status & kernel->status_mask) != kernel->status)
		return false;
	if (kernel->has_zone && zone_of(record) != kernel->zone)
		return false;
	for (enum field_id id = 0; id < FIELD_STORED; id++) {
		struct value wanted = field_value(id, &kernel->tuple), found = field_value(id, record);

		if (sends(kernel, id) && (!found.is_present || value_compare(&wanted, &found) != 0))
			return false;
	}
	return true;
}

static unsigned dumps_that_take(const struct kernel_plan *plan, const struct record *record)
{
	unsigned count = 0;

	for (unsigned i = 0; i < plan->count; i++)
		count += kernel_takes(&plan->dumps[i], record);
	return count;
}

static uint64_t planned, matched;

static void check_soundness(const struct our_filter *our, const struct filter *filter)
{
	for (size_t family = 0; family < COUNT_OF(plan_families); family++) {
		struct kernel_plan plan;

		filter_plan(filter, plan_families[family], &plan);
		for (size_t i = 0; i < RECORDS; i++) {
			bool is_wanted = plan_families[family] == AF_UNSPEC || plan_families[family] == records[i].family;
			unsigned count = dumps_that_take(&plan, &records[i]);

			if (count > 1)
				fail_msg("\"%s\": a record comes twice", our->text);
			if (!is_wanted || !filter_matches(filter, &records[i]))
				continue;
			matched++;
			planned += plan.dumps[0].family != AF_UNSPEC || plan.dumps[0].has_mark || plan.dumps[0].has_status;
			if (count == 0)
				fail_msg("\"%s\" (family %u): the kernel would keep back a record that matches", our->text,
					 plan_families[family]);
		}
	}
}

static uint64_t selected;

/* The same of events: every record is one, and nearly each has its sort. */
static void check_soundness_of_events(const struct our_filter *our, const struct filter *filter)
{
	for (size_t family = 0; family < COUNT_OF(plan_families); family++) {
		struct kernel_filter kernel, lasting;

		filter_plan_events(filter, plan_families[family], false, &kernel);
		filter_plan_events(filter, plan_families[family], true, &lasting);
		assert_false(lasting.has_mark || lasting.has_status);
		for (size_t i = 0; i < RECORDS; i++) {
			const struct record *record = &records[i];

			if (!record_has(record, FIELD_event) || record->event == EVENT_PRESENT ||
			    (plan_families[family] != AF_UNSPEC && plan_families[family] != record->family))
				continue;
			selected += !(kernel.events >> record->event & 1) || !kernel_takes(&kernel, record);
			if (!filter_matches(filter, record))
				continue;
			if (!(kernel.events >> record->event & 1) || !kernel_takes(&kernel, record) ||
			    !kernel_takes(&lasting, record))
				fail_msg("\"%s\" (family %u): the kernel would keep back an event that matches", our->text,
					 plan_families[family]);
		}
	}
}

static void the_kernel_keeps_no_event_back(void **state)
{
	(void)state;
	each_random_filter(check_soundness_of_events);
	assert_true(selected > RANDOM_FILTERS_SLOWLY);
}

static void check_events(const char *text, unsigned events, const char *plan)
{
	struct filter *filter = NULL;
	struct error error = { 0 };
	struct kernel_filter kernel;
	struct buffer buffer;

	assert_int_equal(filter_parse(text, &naming, &filter, &error), 0);
	filter_plan_events(filter, AF_UNSPEC, false, &kernel);
	assert_int_equal(kernel.events, events);
	assert_int_equal(buffer_init(&buffer, -1), 0);
	kernel_filter_format(&kernel, &buffer, &naming);
	assert_string_equal(buffer_string(&buffer), plan);
	buffer_done(&buffer);
	filter_free(filter);
}

static void events_that_can_match(void **state)
{
	(void)state;
	check_events("", EVENT_ALL, "");
	check_events("destroy", EVENT_BIT(EVENT_DESTROY), "event = destroy");
	check_events("not update", EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_DESTROY), "event = new,destroy");
	check_events("new or destroy", EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_DESTROY), "event = new,destroy");
	check_events("event new,update tcp", EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_UPDATE), "event = new,update and proto = tcp");
	check_events("new or tcp", EVENT_ALL, "");
	check_events("(new tcp) or (destroy udp)", EVENT_BIT(EVENT_NEW) | EVENT_BIT(EVENT_DESTROY), "event = new,destroy");
	check_events("new destroy", 0, "");
	check_events("present", 0, "");
	check_events("not (new or update)", EVENT_BIT(EVENT_DESTROY), "event = destroy");
	/* What a dump's filter cannot have. */
	check_events("udp src 2001:db8::1", EVENT_ALL, "ipv6 and proto = udp and src = 2001:db8::1");
	check_events("sctp dport 36412", EVENT_ALL, "proto = sctp and dport = 36412");
	check_events("icmp.id 7", EVENT_ALL, "");
}

static void the_kernel_keeps_nothing_back(void **state)
{
	(void)state;
	each_random_filter(check_soundness);
	/* Else this would prove nothing. */
	assert_true(matched > 10 * RANDOM_FILTERS_SLOWLY && planned > RANDOM_FILTERS_SLOWLY);
}

/* ---- filters that never match ---- */

static unsigned condemned;

static void check_never(const struct our_filter *our, const struct filter *filter)
{
	struct reason reason;
	bool is_never = filter_is_never(filter, &reason);

	assert_int_equal(is_never, reason.text[0] != '\0');
	condemned += is_never;
	for (size_t i = 0; i < RECORDS && is_never; i++)
		if (our_truth(our->root, &records[i]) == OUR_TRUE)
			fail_msg("\"%s\" matches, but is said not to: %s", our->text, reason.text);
}

static void what_never_matches_never_does(void **state)
{
	(void)state;
	each_random_filter(check_never);
	assert_true(condemned > RANDOM_FILTERS_SLOWLY / 50);
}

/* ---- tuples ---- */

static int as_tuple(const char *text, uint8_t family, struct record *tuple, bool *is_reply, struct error *error)
{
	struct filter *filter = NULL;
	int result;

	*error = (struct error){ 0 };
	assert_int_equal(filter_parse(text, &naming, &filter, error), 0);
	result = filter_as_tuple(filter, family, tuple, is_reply, error);
	filter_free(filter);
	return result;
}

static void tuples_that_are_whole(void **state)
{
	struct record tuple;
	struct error error;
	bool is_reply;

	(void)state;
	assert_int_equal(as_tuple("tcp src 192.0.2.1 sport 4711 dst 192.0.2.9 dport 443", AF_UNSPEC, &tuple, &is_reply, &error), 0);
	assert_false(is_reply);
	assert_int_equal(tuple.family, AF_INET);
	assert_int_equal(tuple.proto, IPPROTO_TCP);
	assert_int_equal(tuple.sport, 4711);
	assert_int_equal(tuple.dport, 443);
	assert_memory_equal(tuple.src.bytes, "\xc0\0\2\1", 4);
	assert_false(record_has(&tuple, FIELD_zone));
	assert_int_equal(as_tuple("udp reply.src ::1 reply.sport 53 reply.dst ::2 reply.dport 9 zone 5", AF_INET6, &tuple,
				  &is_reply, &error), 0);
	assert_true(is_reply);
	assert_int_equal(tuple.family, AF_INET6);
	assert_int_equal(tuple.zone, 5);
	assert_int_equal(as_tuple("icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.code 0 icmp.id 7 ipv4", AF_INET, &tuple,
				  &is_reply, &error), 0);
	assert_int_equal(tuple.icmp_id, 7);
	assert_int_equal(as_tuple("gre src 10.0.0.1 dst 10.0.0.2 gre.srckey 0x10 gre.dstkey 0", AF_UNSPEC, &tuple,
				  &is_reply, &error), 0);
	assert_int_equal(tuple.gre_srckey, 0x10);
	assert_int_equal(as_tuple("esp src 10.0.0.1 dst 10.0.0.2", AF_UNSPEC, &tuple, &is_reply, &error), 0);
}

static void tuples_that_are_not(void **state)
{
	static const struct {
		const char *text;
		uint8_t family;
		const char *says;
	} cases[] = {
		{ "", AF_UNSPEC, "which entry?" },
		{ "tcp", AF_UNSPEC, "lacks src" },
		{ "src 10.0.0.1 dst 10.0.0.2", AF_UNSPEC, "lacks its protocol" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1", AF_UNSPEC, "lacks dport" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 icmp.type 8", AF_UNSPEC, "icmp.type is no part" },
		{ "icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.id 1", AF_UNSPEC, "lacks icmp.code" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 reply.src 10.0.0.2", AF_UNSPEC, "the tuple lacks reply.dst" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 reply.dst 10.0.0.2", AF_UNSPEC, "reply.dst is no part" },
		{ "tcp src 10.0.0.1 dst 2001:db8::1 sport 1 dport 2", AF_UNSPEC, "of different families" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2", AF_INET6, "not of the family" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 ipv6", AF_UNSPEC, "not of the family" },
		{ "tcp src 10.0.0.1 src 10.0.0.3 dst 10.0.0.2 sport 1 dport 2", AF_UNSPEC, "src is given twice" },
		{ "tcp src 10.0.0.0/8 dst 10.0.0.2 sport 1 dport 2", AF_UNSPEC, "src: a tuple needs one exact value" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1-2 dport 2", AF_UNSPEC, "sport: a tuple needs" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport > 1 dport 2", AF_UNSPEC, "sport: a tuple needs" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1,2 dport 2", AF_UNSPEC, "sport: a tuple needs" },
		{ "not tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2", AF_UNSPEC, "proto: a tuple needs" },
		{ "tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 assured", AF_UNSPEC, "status is not part of a tuple" },
		{ "tcp addr 10.0.0.1 dst 10.0.0.2 sport 1 dport 2", AF_UNSPEC, "addr is not part of a tuple" },
		{ "tcp or udp", AF_UNSPEC, "\"or\" has no place" },
		{ "tcp (src 10.0.0.1 or src 10.0.0.2)", AF_UNSPEC, "\"or\" has no place" },
	};
	struct record tuple;
	struct error error;
	bool is_reply;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int result = as_tuple(cases[i].text, cases[i].family, &tuple, &is_reply, &error);

		if (result != -EINVAL || !error.is_usage || !strstr(error.text, cases[i].says))
			fail_msg("\"%s\": %d, \"%s\"", cases[i].text, result, error.text);
	}
}

/* No random filter is read as a tuple unless it has one value for each part. */
static void check_as_tuple(const struct our_filter *our, const struct filter *filter)
{
	struct error error = { 0 };
	struct record tuple;
	bool is_reply;

	if (filter_as_tuple(filter, AF_UNSPEC, &tuple, &is_reply, &error))
		assert_true(error.is_usage && error.text[0]);
	else if (strchr(our->text, '>') || strchr(our->text, '<'))
		fail_msg("\"%s\" is a tuple?", our->text);
}

static void random_filters_as_tuples(void **state)
{
	(void)state;
	each_random_filter(check_as_tuple);
}

static int free_naming(void **state)
{
	(void)state;
	naming_done(&naming);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told_with_their_place),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(long_filters_are_no_trouble),
		cmocka_unit_test(no_words_are_no_filter),
		cmocka_unit_test(filters_are_printed_plainly),
		cmocka_unit_test(a_local_day_keeps_its_length),
		cmocka_unit_test(evaluation_agrees_with_a_naive_one),
		cmocka_unit_test(printing_is_stable),
		cmocka_unit_test(de_morgan),
		cmocka_unit_test(a_filter_tells_its_fields),
		cmocka_unit_test(random_bytes_are_refused_politely),
		cmocka_unit_test(the_kernel_is_asked_only_what_it_knows),
		cmocka_unit_test(no_address_goes_with_the_other_family),
		cmocka_unit_test(no_icmp_type_is_sent_that_the_kernel_refuses),
		cmocka_unit_test(the_kernel_keeps_nothing_back),
		cmocka_unit_test(the_kernel_keeps_no_event_back),
		cmocka_unit_test(events_that_can_match),
		cmocka_unit_test(what_never_matches_never_does),
		cmocka_unit_test(tuples_that_are_whole),
		cmocka_unit_test(tuples_that_are_not),
		cmocka_unit_test(random_filters_as_tuples),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, free_naming);
}
