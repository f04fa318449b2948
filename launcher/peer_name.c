#include "peer_name.h"

#include <bsd/string.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_PREFIX "flip/"

bool control_name_ok(const char *name)
{
	static const char permitted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._@-";
	size_t length = strlen(name);

	return length > 0 && length <= CONTROL_NAME_MAX && strspn(name, permitted) == length &&
	       strspn(name, "0123456789") != length;
}

void control_name_make(const char *command, char name[CONTROL_NAME_MAX + 1])
{
	const char *slash = strrchr(command, '/');

	strlcpy(name, slash ? slash + 1 : command, CONTROL_NAME_MAX + 1);
	for (char *at = name; *at != '\0'; at++)
		if (!control_name_ok((char[]){ 'x', *at, '\0' }))
			*at = '_';
	if (!control_name_ok(name)) {
		char digits[CONTROL_NAME_MAX + 1];

		strlcpy(digits, name, sizeof(digits));
		snprintf(name, CONTROL_NAME_MAX + 1, "server-%.50s", digits);
	}
}

socklen_t peer_address(struct sockaddr_un *address, uid_t uid, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* sun_path[0] stays NUL: abstract, gone with its last holder. */
	int length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			      ADDRESS_PREFIX "%u/%s", (unsigned)uid, name);

	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

bool peer_parse(const char *address, uid_t *uid, char name[CONTROL_NAME_MAX + 1])
{
	struct sockaddr_un same;
	unsigned number;
	int at = 0;

	if (sscanf(address, "@" ADDRESS_PREFIX "%u/%n", &number, &at) != 1 || at == 0)
		return false;
	if (!control_name_ok(address + at))
		return false;
	/* Anybody may bind "@flip/0000/web", "@flip/4294967296/web" and so on, which are no uids. */
	peer_address(&same, number, address + at);
	if (strcmp(same.sun_path + 1, address + 1) != 0)
		return false;
	*uid = number;
	strlcpy(name, address + at, CONTROL_NAME_MAX + 1);
	return true;
}
