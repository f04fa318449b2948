#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool address_is_service(const struct sockaddr *address, socklen_t length)
{
	if (length < sizeof(sa_family_t) || length > sizeof(struct sockaddr_storage))
		return false;
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
	if (one->sa_family == AF_INET)
		return ((const struct sockaddr_in *)one)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)other)->sin_addr.s_addr;
	return one->sa_family == AF_INET6 &&
	       address_equal_in6((const struct sockaddr_in6 *)one,
				 (const struct sockaddr_in6 *)other);
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
	} else {
		snprintf(text, size, "family %u", address->sa_family);
	}
	return text;
}
