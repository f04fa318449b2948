/*
 * The kernel's tables of sockets, line by line. A Unix address is what some process wrote, newlines
 * and all; it is where services are found. Of the first byte: which table.
 */
#include "core/address.h"
#include "fuzz.h"
#include "net_table.h"
#include "peer_name.h"

#include <netinet/in.h>
#include <string.h>

static void inet(const char *line, bool is_v6)
{
	struct net_inet socket;
	char text[ADDRESS_TEXT_MAX];

	if (!net_parse_inet(line, is_v6, &socket))
		return;
	CHECK(socket.address.ss_family == (is_v6 ? AF_INET6 : AF_INET));
	address_format((const struct sockaddr *)&socket.address, text, sizeof(text));
	CHECK(text[0] && strcmp(text, "?") != 0);
}

/* Who finds a service there can connect to just that address. */
static void check_peer(const char *text)
{
	struct sockaddr_un address;
	char name[CONTROL_NAME_MAX + 1];
	uid_t uid;

	if (!peer_parse(text, &uid, name))
		return;
	CHECK(control_name_ok(name));
	peer_address(&address, uid, name);
	CHECK(strcmp(address.sun_path + 1, text + 1) == 0);
}

static void check_name(const char *command)
{
	char name[CONTROL_NAME_MAX + 1];

	control_name_make(command, name);
	CHECK(control_name_ok(name));
}

static void local(const char *line)
{
	struct net_unix socket;

	if (!net_parse_unix(line, &socket))
		return;
	CHECK(memchr(socket.address, '\0', sizeof(socket.address)));
	CHECK(!strchr(socket.address, '\n'));
	CHECK(strstr(line, socket.address));
	check_peer(socket.address);
	check_name(socket.address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size);
	char *rest = text + (size > 0), *line;

	check_peer(rest);
	check_name(rest);
	while ((line = strsep(&rest, "\n"))) {
		if (text[0] == '4' || text[0] == '6')
			inet(line, text[0] == '6');
		else
			local(line);
	}
	free(text);
	return 0;
}
