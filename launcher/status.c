/* What `flip status` shows. */
#include "core/address.h"
#include "service.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct shown {
	void (*line)(void *to, const char *format, ...);
	void *to;
};

static long seconds_since(int64_t then_ns)
{
	return (long)((clock_now_ns() - then_ns) / 1000000000);
}

static void show_generation(const struct shown *shown, const struct generation *generation,
			    const char *state)
{
	uint64_t connections = generation_connections(generation);

	shown->line(shown->to, "generation %u (pid %d) %s, %llu connection%s, for %ld s%s",
		    generation->number, (int)generation->pid, state, (unsigned long long)connections,
		    connections == 1 ? "" : "s",
		    seconds_since(generation->retired_ns ? generation->retired_ns :
						       generation->started_ns),
		    generation->is_fallback ? ", the fallback" : "");
}

/* Lines of /proc/PID/net/tcp: the inode is the tenth field, the local address the second. */
static bool parse_net_line(const char *text, bool is_v6, bool is_datagram, uint64_t *inode,
			   struct sockaddr_storage *address)
{
	unsigned words[4], port, state;
	unsigned long long number;
	struct sockaddr_in6 *in6 = (void *)address;
	struct sockaddr_in *in = (void *)address;

	memset(address, 0, sizeof(*address));
	if (is_v6) {
		if (sscanf(text, "%*d: %8x%8x%8x%8x:%x %*s %x %*s %*s %*s %*s %*s %llu", &words[0],
			   &words[1], &words[2], &words[3], &port, &state, &number) != 7)
			return false;
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, words, sizeof(words));
	} else {
		if (sscanf(text, "%*d: %8x:%x %*s %x %*s %*s %*s %*s %*s %llu", &words[0], &port, &state,
			   &number) != 4)
			return false;
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = words[0];
	}
	in->sin_port = htons((uint16_t)port);
	*inode = number;
	return state == (is_datagram ? TCP_CLOSE : TCP_LISTEN);
}

/*
 * A line of /proc/PID/net/unix: "...: 00000002 00000000 00010000 0005 01 70931 @flip/0/web". What
 * comes of a listener bears its name, but not its flag (__SO_ACCEPTCON).
 */
static bool parse_unix_line(const char *text, uint64_t *inode, const char **name)
{
	unsigned long long number;
	unsigned flags;
	int at = 0;

	if (sscanf(text, "%*x: %*x %*x %x %*x %*x %llu %n", &flags, &number, &at) != 2 || at == 0)
		return false;
	*inode = number;
	*name = text + at;
	return flags & 0x10000;
}

static void show_unix_listeners(const struct shown *shown, const struct generation *generation)
{
	char path[40], text[512];
	const char *name;
	uint64_t inode;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/unix", (int)generation->pid);
	file = fopen(path, "re");
	while (file && fgets(text, sizeof(text), file))
		if (parse_unix_line(text, &inode, &name) && generation_heard(generation, inode))
			shown->line(shown->to, "listener unix:%.*s", (int)strcspn(name, "\n"), name);
	if (file)
		fclose(file);
}

/* Asks the kernel, not the members: that costs them nothing. */
static void show_listeners(const struct shown *shown, const struct generation *generation,
			   const char *table)
{
	bool is_v6 = strchr(table, '6'), is_datagram = table[0] == 'u';
	char path[40], text[512], host[ADDRESS_TEXT_MAX];
	struct sockaddr_storage address;
	uint64_t inode = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)generation->pid, table);
	file = fopen(path, "re");
	if (file)
		(void)!fgets(text, sizeof(text), file); /* the heading */
	/* Listeners come first; to read on, through every closed connection, takes seconds. */
	while (file && fgets(text, sizeof(text), file) &&
	       (parse_net_line(text, is_v6, is_datagram, &inode, &address) || is_datagram))
		if (generation_heard(generation, inode))
			shown->line(shown->to, "listener %s%s", is_datagram ? "udp:" : "",
				    address_format((struct sockaddr *)&address, host, sizeof(host)));
	if (file)
		fclose(file);
}

static const char *phase_name(enum phase phase)
{
	static const char *const names[] = { "starting", "serving", "retiring",
					     "draining", "leaving", "stopping" };

	return names[phase];
}

void service_show_status(void (*line)(void *to, const char *format, ...), void *to)
{
	const struct shown shown = { line, to };
	const struct generation *generation;

	line(to, "%s: %s, supervisor (pid %d), %u restart%s", service.name,
	     service_state_name(service.state), (int)getpid(), service.restarts,
	     service.restarts == 1 ? "" : "s");
	vacancy_show(line, to);
	if (service.new)
		show_generation(&shown, service.new, phase_name(service.new->phase));
	if (service.current) {
		show_generation(&shown, service.current, phase_name(service.current->phase));
		show_listeners(&shown, service.current, "tcp");
		show_listeners(&shown, service.current, "tcp6");
		show_listeners(&shown, service.current, "udp");
		show_listeners(&shown, service.current, "udp6");
		show_unix_listeners(&shown, service.current);
	}
	TAILQ_FOREACH(generation, &service.retired, link)
		show_generation(&shown, generation, phase_name(generation->phase));
	if (service.last_result[0])
		line(to, "last: %s", service.last_result);
}
