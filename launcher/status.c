/* What `flip status` shows. */
#include "core/address.h"
#include "net_table.h"
#include "service.h"

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

static void show_unix_listeners(const struct shown *shown, const struct generation *generation)
{
	struct net_unix socket;
	char path[40], text[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/unix", (int)process_thread(generation->pid));
	file = fopen(path, "re");
	while (file && fgets(text, sizeof(text), file))
		if (net_parse_unix(text, &socket) && (socket.is_listening || socket.type == SOCK_DGRAM) &&
		    generation_heard(generation, socket.inode))
			shown->line(shown->to, "listener unix:%s", socket.address);
	if (file)
		fclose(file);
}

/* Asks the kernel, not the members: that costs them nothing. */
static void show_listeners(const struct shown *shown, const struct generation *generation,
			   const char *table)
{
	bool is_v6 = strchr(table, '6'), is_datagram = table[0] == 'u';
	char path[40], text[512], host[ADDRESS_TEXT_MAX];
	struct net_inet socket;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)process_thread(generation->pid), table);
	file = fopen(path, "re");
	if (file)
		(void)!fgets(text, sizeof(text), file); /* the heading */
	/* Listeners come first; to read on, through every closed connection, takes seconds. */
	while (file && fgets(text, sizeof(text), file) && net_parse_inet(text, is_v6, &socket) &&
	       (is_datagram || socket.state == TCP_LISTEN))
		if (generation_heard(generation, socket.inode))
			shown->line(shown->to, "listener %s%s", is_datagram ? "udp:" : "",
				    address_format((struct sockaddr *)&socket.address, host,
						   sizeof(host)));
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
