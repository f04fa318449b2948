#include "peer_name.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_64 "abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

static uid_t uid;
static char name[CONTROL_NAME_MAX + 1];

Test(peer_name, permits_names)
{
	static const char *const names[] = { "a", "web", "web@2", "0x", "a.b_c-D", "-", NAME_64 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_assert(control_name_ok(names[i]), "%s", names[i]);
}

Test(peer_name, permits_no_others)
{
	static const char *const names[] = { "", "4711", "0", "a b", "a/b", "a\n", "\xc3\xa4", NAME_64 "x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_assert_not(control_name_ok(names[i]), "%s", names[i]);
}

Test(peer_name, makes_a_name_of_a_command)
{
	static const struct {
		const char *command, *name;
	} cases[] = {
		{ "nginx", "nginx" },	       { "/usr/sbin/nginx", "nginx" },
		{ "./my server", "my_server" }, { "/opt/4711", "server-4711" },
		{ "dir/", "server-" },	       { "", "server-" },
		{ NAME_64 "more", NAME_64 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		control_name_make(cases[i].command, name);
		cr_assert_str_eq(name, cases[i].name);
		cr_assert(control_name_ok(name));
	}
}

Test(peer_name, is_in_the_address)
{
	struct sockaddr_un address;
	socklen_t length = peer_address(&address, 1000, "web");

	cr_assert_eq(address.sun_family, AF_UNIX);
	cr_assert_eq(length, offsetof(struct sockaddr_un, sun_path) + strlen("@flip/1000/web"));
	cr_assert_eq(memcmp(address.sun_path, "\0flip/1000/web", strlen("@flip/1000/web") + 1), 0);
}

Test(peer_name, comes_back_from_the_address)
{
	static const uid_t uids[] = { 0, 1, 1000, 65534, UINT32_MAX };

	for (size_t i = 0; i < sizeof(uids) / sizeof(*uids); i++) {
		struct sockaddr_un address;

		peer_address(&address, uids[i], NAME_64);
		address.sun_path[0] = '@';
		cr_assert(peer_parse(address.sun_path, &uid, name));
		cr_assert_eq(uid, uids[i]);
		cr_assert_str_eq(name, NAME_64);
	}
}

Test(peer_name, is_in_no_other_address)
{
	static const char *const addresses[] = { "", "@", "flip/0/web", "/flip/0/web", "@flip/0/", "@flip/0",
						 "@flip//web", "@flip/x/web", "@flip/0/web/", "@flip/0/0",
						 "@flip/0/a b", "@flip/0/web\n", "@flip-1-00/1",
						 "@flip/00/web", "@flip/-1/web", "@flip/+1/web",
						 "@flip/ 1/web", "@flip/4294967296/web",
						 "@flip/18446744073709551616/web" };

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		cr_assert_not(peer_parse(addresses[i], &uid, name), "%s", addresses[i]);
}
