#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define NAME_OFFSET offsetof(struct sockaddr_un, sun_path)
#define NAME_MAX_LENGTH sizeof(((struct sockaddr_un *)NULL)->sun_path)

static bool is_named_unix(const struct sockaddr *address, socklen_t length)
{
	/* Without a name bind(2) makes one up, as it does for port 0; an empty path is none either. */
	return address->sa_family == AF_UNIX && length > NAME_OFFSET &&
	       length <= sizeof(struct sockaddr_un) &&
	       (((const struct sockaddr_un *)address)->sun_path[0] || length > NAME_OFFSET + 1);
}

bool address_is_local(const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	switch (address->ss_family) {
	case AF_INET:
		return ntohl(four->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
	}
	return address->ss_family == AF_UNIX;
}

bool address_is_any(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ((const struct sockaddr_in *)address)->sin_addr.s_addr == INADDR_ANY;
	return address->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

bool address_is_path(const struct sockaddr *address, socklen_t length)
{
	return length > NAME_OFFSET && is_named_unix(address, length) &&
	       ((const struct sockaddr_un *)address)->sun_path[0];
}

bool address_is_service(const struct sockaddr *address, socklen_t length)
{
	if (length < sizeof(sa_family_t) || length > sizeof(struct sockaddr_storage))
		return false;
	if (address->sa_family == AF_UNIX)
		return is_named_unix(address, length);
	/* bind(2) takes an IPv6 address without its scope (RFC 2133's 24 bytes) as well. */
	if (address->sa_family == AF_INET ? length < sizeof(struct sockaddr_in)
					  : address->sa_family != AF_INET6 || length < 24)
		return false;
	return address_port(address) != 0;
}

uint16_t address_port(const struct sockaddr *address)
{
	uint16_t port = 0;

	/* sin_port and sin6_port lie at the same place. */
	if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
		memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port), 2);
	return ntohs(port);
}

/* Of a path up to its end, behind which a program may have left anything; an abstract name up to its last byte. */
static size_t name_length(const struct sockaddr_un *address)
{
	size_t length = NAME_MAX_LENGTH;

	if (address->sun_path[0])
		return strnlen(address->sun_path, NAME_MAX_LENGTH);
	while (length > 0 && !address->sun_path[length - 1])
		length--;
	return length;
}

uint32_t address_key(const struct sockaddr_storage *address)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)address;
	uint32_t hash = 2166136261u; /* FNV-1a */
	size_t length;

	if (address->ss_family != AF_UNIX)
		return address_port((const struct sockaddr *)address);
	length = name_length(local);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)local->sun_path[i]) * 16777619u;
	return length ? ADDRESS_KEYS / 2 + ((hash ^ hash >> 16) & 0xffff) : 0;
}

static bool address_equal_un(const struct sockaddr_un *one, const struct sockaddr_un *other)
{
	return !one->sun_path[0] && memcmp(one->sun_path, other->sun_path, NAME_MAX_LENGTH) == 0;
}

static bool address_equal_in6(const struct sockaddr_in6 *one, const struct sockaddr_in6 *other)
{
	return memcmp(&one->sin6_addr, &other->sin6_addr, sizeof(one->sin6_addr)) == 0 &&
	       (!IN6_IS_ADDR_LINKLOCAL(&one->sin6_addr) ||
		one->sin6_scope_id == other->sin6_scope_id);
}

bool address_equal(const struct sockaddr *one, const struct sockaddr *other)
{
	if (one->sa_family != other->sa_family || address_port(one) != address_port(other))
		return false;
	if (one->sa_family == AF_UNIX)
		return address_equal_un((const struct sockaddr_un *)one,
					(const struct sockaddr_un *)other);
	if (one->sa_family == AF_INET)
		return ((const struct sockaddr_in *)one)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)other)->sin_addr.s_addr;
	return one->sa_family == AF_INET6 &&
	       address_equal_in6((const struct sockaddr_in6 *)one,
				 (const struct sockaddr_in6 *)other);
}

/* Up to the last byte that is not zero: an abstract name may have some within. */
static void format_un(const struct sockaddr_un *address, char *text, size_t size)
{
	size_t length = name_length(address), at;

	snprintf(text, size, "unix:");
	for (size_t i = 0; i < length && (at = strlen(text)) + 1 < size; i++) {
		char c = i == 0 && !address->sun_path[0] ? '@' : address->sun_path[i];

		text[at] = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
		text[at + 1] = '\0';
	}
}

const char *address_format(const struct sockaddr *address, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, address_port(address));
	} else if (address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, host,
			  sizeof(host));
		snprintf(text, size, "[%s]:%u", host, address_port(address));
	} else if (address->sa_family == AF_UNIX) {
		format_un((const struct sockaddr_un *)address, text, size);
	} else {
		snprintf(text, size, "family %u", address->sa_family);
	}
	return text;
}
