#include "core/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define ANY(address) ((const struct sockaddr *)(address))

static struct sockaddr_in four(const char *host, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	cr_assert(inet_pton(AF_INET, host, &address.sin_addr) == 1);
	return address;
}

static struct sockaddr_in6 six(const char *host, uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	cr_assert(inet_pton(AF_INET6, host, &address.sin6_addr) == 1);
	return address;
}

Test(address, equals_itself_only)
{
	struct sockaddr_in all[] = { four("127.0.0.1", 80), four("127.0.0.1", 81),
				     four("127.0.0.2", 80), four("0.0.0.0", 80) };

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			cr_expect(address_equal(ANY(&all[i]), ANY(&all[j])) == (i == j));
}

Test(address, equals_itself_only_in_v6)
{
	struct sockaddr_in6 all[] = { six("::1", 80), six("::1", 81), six("::", 80),
				      six("::ffff:127.0.0.1", 80) };

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			cr_expect(address_equal(ANY(&all[i]), ANY(&all[j])) == (i == j));
}

Test(address, tells_v4_from_v4_mapped)
{
	struct sockaddr_in plain = four("127.0.0.1", 80), any = four("0.0.0.0", 80);
	struct sockaddr_in6 mapped = six("::ffff:127.0.0.1", 80), any6 = six("::", 80);

	cr_expect(!address_equal(ANY(&plain), ANY(&mapped)));
	cr_expect(!address_equal(ANY(&mapped), ANY(&plain)));
	cr_expect(!address_equal(ANY(&any), ANY(&any6)));
}

Test(address, minds_the_padding_not)
{
	struct sockaddr_in one = four("10.0.0.1", 80), other = one;

	memset(other.sin_zero, 0xff, sizeof(other.sin_zero));
	cr_expect(address_equal(ANY(&one), ANY(&other)));
}

Test(address, minds_the_flow_label_not)
{
	struct sockaddr_in6 one = six("2001:db8::1", 80), other = one;

	other.sin6_flowinfo = htonl(0x12345);
	cr_expect(address_equal(ANY(&one), ANY(&other)));
}

Test(address, minds_the_scope_of_link_local_only)
{
	struct sockaddr_in6 local = six("fe80::1", 80), other_local = local;
	struct sockaddr_in6 global = six("2001:db8::1", 80), other_global = global;

	local.sin6_scope_id = global.sin6_scope_id = 1;
	other_local.sin6_scope_id = other_global.sin6_scope_id = 2;
	cr_expect(!address_equal(ANY(&local), ANY(&other_local)));
	cr_expect(address_equal(ANY(&global), ANY(&other_global)));
}

/* In storage that is zero behind it, as callers must have it. */
static const struct sockaddr_storage *local(const char *name, size_t length)
{
	static struct sockaddr_storage storage[4];
	static unsigned next;
	struct sockaddr_un *address = (struct sockaddr_un *)&storage[next++ % 4];

	memset(address, 0, sizeof(storage[0]));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, length);
	return (struct sockaddr_storage *)address;
}

#define LOCAL(name) local(name, sizeof(name) - 1)
#define LOCAL_LENGTH(name) ((socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1))

Test(address, equals_itself_only_in_abstract_names)
{
	static const char *const names[] = { "\0a", "\0b", "\0ab", "\0" };

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			cr_expect(address_equal(ANY(local(names[i], 3)), ANY(local(names[j], 3))) ==
				  (i == j));
}

Test(address, is_not_known_by_a_path)
{
	cr_expect(!address_equal(ANY(LOCAL("/run/x")), ANY(LOCAL("/run/x"))));
	cr_expect(address_is_path(ANY(LOCAL("/run/x")), LOCAL_LENGTH("/run/x")));
	cr_expect(address_is_path(ANY(LOCAL("x")), LOCAL_LENGTH("x")));
	cr_expect(!address_is_path(ANY(LOCAL("")), LOCAL_LENGTH("")));
	cr_expect(!address_is_path(ANY(LOCAL("\0x")), LOCAL_LENGTH("\0x")));
	cr_expect(!address_is_path(ANY(LOCAL("/run/x")), sizeof(struct sockaddr_un) + 1));
}

Test(address, has_a_key_by_port_or_name)
{
	struct sockaddr_storage room = { 0 };
	struct sockaddr_in one = four("127.0.0.1", 8080);

	cr_expect(address_key(&room) == 0);
	memcpy(&room, &one, sizeof(one));
	cr_expect(address_key(&room) == 8080);
	cr_expect(address_key(LOCAL("")) == 0);
	cr_expect(address_key(LOCAL("/run/x")) >= 65536);
	cr_expect(address_key(LOCAL("/run/x")) == address_key(LOCAL("/run/x")));
	cr_expect(address_key(LOCAL("/run/x")) != address_key(LOCAL("/run/y")));
	cr_expect(address_key(LOCAL("\0x")) != address_key(LOCAL("x")));
	for (int i = 0; i < 256; i++) {
		char name[2] = { 'n', (char)i };

		cr_expect(address_key(local(name, 2)) < ADDRESS_KEYS);
	}
}

Test(address, knows_no_equals_in_other_families)
{
	struct sockaddr_storage nothing = { .ss_family = AF_UNSPEC };

	cr_expect(!address_equal(ANY(&nothing), ANY(&nothing)));
}

Test(address, reads_the_port)
{
	struct sockaddr_in one = four("127.0.0.1", 0x1234);
	struct sockaddr_in6 other = six("::1", 65535);

	cr_expect(address_port(ANY(&one)) == 0x1234);
	cr_expect(address_port(ANY(&other)) == 65535);
	cr_expect(address_port(ANY(LOCAL("\x12\x34"))) == 0);
}

Test(address, is_a_service_in_the_lengths_that_bind_takes)
{
	struct sockaddr_storage room = { 0 };
	struct sockaddr_in one = four("127.0.0.1", 80);
	struct sockaddr_in6 other = six("::1", 80);

	memcpy(&room, &one, sizeof(one));
	for (socklen_t length = 0; length <= sizeof(room) + 2; length++)
		cr_expect(address_is_service(ANY(&room), length) ==
			  (length >= sizeof(one) && length <= sizeof(room)), "%u", length);
	memset(&room, 0, sizeof(room));
	memcpy(&room, &other, sizeof(other));
	for (socklen_t length = 0; length <= sizeof(room) + 2; length++)
		cr_expect(address_is_service(ANY(&room), length) ==
			  (length >= 24 && length <= sizeof(room)), "%u", length);
	cr_expect(!address_is_service(ANY(&room), (socklen_t)-1));
}

Test(address, is_no_service_without_a_port_or_in_other_families)
{
	struct sockaddr_in zero = four("127.0.0.1", 0);
	struct sockaddr_in6 zero6 = six("::1", 0);
	struct sockaddr_storage nothing = { .ss_family = AF_UNSPEC };

	cr_expect(!address_is_service(ANY(&zero), sizeof(zero)));
	cr_expect(!address_is_service(ANY(&zero6), sizeof(zero6)));
	cr_expect(!address_is_service(ANY(&nothing), sizeof(nothing)));
}

Test(address, is_a_service_with_a_unix_name)
{
	const socklen_t none = offsetof(struct sockaddr_un, sun_path);

	cr_expect(address_is_service(ANY(LOCAL("/run/x")), sizeof(struct sockaddr_un)));
	cr_expect(address_is_service(ANY(LOCAL("/run/x")), LOCAL_LENGTH("/run/x")));
	cr_expect(address_is_service(ANY(LOCAL("\0x")), LOCAL_LENGTH("\0x")));
	cr_expect(!address_is_service(ANY(LOCAL("/run/x")), none));
	cr_expect(!address_is_service(ANY(LOCAL("\0")), none + 1));
	cr_expect(!address_is_service(ANY(LOCAL("/run/x")), sizeof(struct sockaddr_un) + 1));
}

static void expect_text(const void *address, const char *want)
{
	char text[ADDRESS_TEXT_MAX];

	cr_expect(address_format(ANY(address), text, sizeof(text)) == text);
	cr_expect_str_eq(text, want);
}

Test(address, a_path_ends_where_it_ends)
{
	struct sockaddr_storage clean = { .ss_family = AF_UNIX }, behind;
	char text[ADDRESS_TEXT_MAX];

	strcpy(((struct sockaddr_un *)&clean)->sun_path, "/run/x");
	behind = clean;
	strcpy(((struct sockaddr_un *)&behind)->sun_path + 10, "left by the program");
	cr_assert_str_eq(address_format((struct sockaddr *)&behind, text, sizeof(text)), "unix:/run/x");
	cr_assert_eq(address_key(&behind), address_key(&clean));
}

Test(address, shows_as_people_write_it)
{
	struct sockaddr_in one = four("127.0.0.1", 80);
	struct sockaddr_in6 other = six("::1", 8080);
	struct sockaddr_in6 longest = six("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535);
	struct sockaddr_storage vsock = { .ss_family = 40 };

	expect_text(&one, "127.0.0.1:80");
	expect_text(&other, "[::1]:8080");
	expect_text(&longest, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	expect_text(&vsock, "family 40");
	expect_text(LOCAL("/run/x.sock"), "unix:/run/x.sock");
	expect_text(LOCAL("\0name"), "unix:@name");
	expect_text(LOCAL("\0a\0b\n"), "unix:@a?b?");
	expect_text(LOCAL(""), "unix:");
}

Test(address, shows_no_more_than_fits)
{
	struct sockaddr_in6 other = six("2001:db8::1234", 8080);
	const void *addresses[] = { &other, LOCAL("/run/some/where/or/other/x.sock") };
	char text[32];

	for (size_t i = 0; i < 2; i++)
		for (size_t size = 1; size < sizeof(text); size++) {
			memset(text, 'x', sizeof(text));
			address_format(ANY(addresses[i]), text, size);
			cr_expect(strlen(text) < size);
			cr_expect(text[size] == 'x');
		}
}

Test(address, tells_what_is_local_and_what_is_any)
{
	static const struct {
		const char *host;
		bool is_local, is_any;
	} cases[] = {
		{ "127.0.0.1", true, false }, { "127.9.9.9", true, false }, { "0.0.0.0", false, true },
		{ "10.0.0.1", false, false }, { "::1", true, false },	    { "::", false, true },
		{ "fe80::1", false, false },  { "::ffff:127.0.0.1", true, false },
		{ "::ffff:10.0.0.1", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sockaddr_storage address = { 0 };

		if (strchr(cases[i].host, ':'))
			*(struct sockaddr_in6 *)&address = six(cases[i].host, 80);
		else
			*(struct sockaddr_in *)&address = four(cases[i].host, 80);
		cr_expect(address_is_local(&address) == cases[i].is_local, "%s", cases[i].host);
		cr_expect(address_is_any(&address) == cases[i].is_any, "%s", cases[i].host);
	}
	cr_expect(address_is_local(&(struct sockaddr_storage){ .ss_family = AF_UNIX }));
	cr_expect(!address_is_any(&(struct sockaddr_storage){ .ss_family = AF_UNIX }));
}
