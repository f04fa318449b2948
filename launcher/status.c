/* What `flip status` shows. */
#include "listeners.h"
#include "service.h"

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

static void show_start(const struct shown *shown, struct generation *generation)
{
	char text[LACK_MAX];

	if (generation->phase == PHASE_STARTING)
		shown->line(shown->to, "not ready yet: %s", generation_lacks(generation, text, sizeof(text)));
}

struct showing {
	const struct shown *shown;
	const struct generation *generation;
};

static void show_listener(const struct listener_seen *listener, void *argument)
{
	const struct showing *showing = argument;

	if (generation_heard(showing->generation, listener->inode))
		showing->shown->line(showing->shown->to, "listener %s", listener->address);
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
	struct generation *generation;

	line(to, "%s: %s, supervisor (pid %d), %u restart%s", service.name,
	     service_state_name(service.state), (int)getpid(), service.restarts,
	     service.restarts == 1 ? "" : "s");
	vacancy_show(line, to);
	if (service.new) {
		show_generation(&shown, service.new, phase_name(service.new->phase));
		show_start(&shown, service.new);
	}
	if (service.current) {
		show_generation(&shown, service.current, phase_name(service.current->phase));
		show_start(&shown, service.current);
		listeners_each(service.current->pid, show_listener,
			       &(struct showing){ &shown, service.current });
	}
	TAILQ_FOREACH(generation, &service.retired, link)
		show_generation(&shown, generation, phase_name(generation->phase));
	if (service.last_result[0])
		line(to, "last: %s", service.last_result);
}
