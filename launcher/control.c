#include "control.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "ancestry.h"
#include "cleanup.h"
#include "peer.h"
#include "process.h"
#include "target.h"

#define ANSWER_SECONDS 5
/* More than that nobody has to say, but who keeps us from ending. */
#define ANSWER_LINES 100000
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; asm-generic/socket.h */
#endif

/* What becomes of each line of an answer. */
typedef void (*report_function)(const struct report *report, void *context);

static void explain_taken(const char *name, char *error, size_t size)
{
	struct peer holder = { .uid = geteuid() };
	uid_t owner;

	strlcpy(holder.name, name, sizeof(holder.name));
	if (!peer_connect(&holder, &owner)) {
		snprintf(error, size,
			 "the name '%s' is taken; try again, or choose another with --name", name);
		return;
	}
	close(holder.fd);
	snprintf(error, size, "the name '%s' is taken by %s (pid %d); choose another with --name",
		 name, owner == geteuid() ? "another flip of yours" : "a process of another user",
		 (int)holder.pid);
}

int control_listen(const char *name, char *error, size_t size)
{
	struct sockaddr_un address;

	if (!control_name_ok(name)) {
		snprintf(error, size,
			 "a service cannot be called '%.80s'; take up to %d letters, digits and "
			 "._@-, not digits only",
			 name, CONTROL_NAME_MAX);
		return -1;
	}

	socklen_t length = peer_address(&address, geteuid(), name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int none = 0;

	/* Requests have no descriptors, and to close one of a stranger's may take long (SO_LINGER). */
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, length) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;

	int reason = errno;

	if (fd >= 0)
		close(fd);
	if (reason == EADDRINUSE) {
		explain_taken(name, error, size);
		return -2;
	}
	snprintf(error, size, "cannot open the control socket of '%s': %s", name, strerror(reason));
	return -1;
}

static pid_t parent_of(pid_t pid)
{
	struct procfs_stat stat;

	return process_stat(pid, &stat) ? stat.parent : 0;
}

static void ancestry_init(struct ancestry *ancestry, pid_t pid)
{
	for (ancestry->count = 0; pid > 0 && ancestry->count < ANCESTORS_MAX; pid = parent_of(pid))
		ancestry->pid[ancestry->count++] = pid;
}

/*
 * Sends a request and gives every line of the answer to `show`. Returns the exit code that the
 * supervisor chose, or -1 with errno for a broken connection (0: closed before the end), or -2
 * with the reason in `garbage`.
 */
static int peer_ask(const struct peer *service, enum message_type type,
		       report_function show, void *context, const char **garbage)
{
	struct message message;
	struct report report;
	unsigned n = 0;

	message_init(&message, type);
	if (send(service->fd, &message, sizeof(message), MSG_NOSIGNAL) < 0)
		return -1;
	do {
		/* MSG_TRUNC: the true length, also of what is too long. */
		ssize_t length = recv(service->fd, &report, sizeof(report), MSG_TRUNC);

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0) {
			errno = length == 0 ? 0 : errno;
			return -1;
		}
		*garbage = n++ == ANSWER_LINES ? "it does not end" : report_check(&report, (size_t)length, 0);
		if (*garbage)
			return -2;
		report_clean(&report); /* some of it a server wrote, who knows whose */
		show(&report, context);
	} while (!report.final);
	return report.exit_code;
}

struct pid_search {
	const struct ancestry *ancestry;
	size_t nearest;
};

static void search_line(const struct report *report, void *context)
{
	struct pid_search *search = context;
	size_t distance = ancestry_find_in(search->ancestry, report->text);

	if (distance < search->nearest)
		search->nearest = distance;
}

/* A short answer, or none: a search must not hang on a supervisor that is stopped. */
static void peer_limit(const struct peer *service)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };

	setsockopt(service->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/*
 * How far above the process one of the generations of the service is. With a bare LD_PRELOAD the
 * supervisor is no ancestor of the server: it has to be asked, on a connection of its own.
 */
static size_t peer_distance(const struct peer *service, const struct ancestry *ancestry)
{
	struct pid_search search = { ancestry, ancestry->count };
	struct peer asked = *service;
	const char *garbage;
	uid_t owner;

	if (!peer_connect(&asked, &owner))
		return ancestry->count;
	peer_limit(&asked);
	peer_ask(&asked, MESSAGE_CONTROL_STATUS, search_line, &search, &garbage);
	close(asked.fd);
	return search.nearest;
}

static bool is_trusted(const struct peer *service)
{
	return service->uid == 0 || service->uid == geteuid();
}

static size_t distance_by_parents(const struct peer *service, const struct ancestry *ancestry)
{
	return ancestry_find(ancestry, service->pid);
}

static size_t distance_by_own_word(const struct peer *service, const struct ancestry *ancestry)
{
	return is_trusted(service) ? peer_distance(service, ancestry) : ancestry->count;
}

/* What another user says concerns processes of that user. */
static size_t distance_by_others_word(const struct peer *service, const struct ancestry *ancestry)
{
	bool may_have = !is_trusted(service) && process_has_user(ancestry->pid[0], service->uid);

	return may_have ? peer_distance(service, ancestry) : ancestry->count;
}

/* The service with the supervisor, or else the server, that is nearest above the process. */
static struct peer *peer_of_pid(struct peer *services, pid_t pid)
{
	static size_t (*const distances[])(const struct peer *service, const struct ancestry *ancestry) = {
		distance_by_parents, distance_by_own_word, distance_by_others_word,
	};
	struct peer *found = NULL;
	struct ancestry ancestry;

	ancestry_init(&ancestry, pid);

	size_t nearest = ancestry.count;

	for (size_t i = 0; i < sizeof(distances) / sizeof(*distances) && !found; i++) {
		for (struct peer *service = services; service; service = service->next) {
			size_t distance = distances[i](service, &ancestry);

			if (distance < nearest) {
				nearest = distance;
				found = service;
			}
		}
	}
	return found;
}

static struct peer *peer_of_name(struct peer *services, const char *name)
{
	char list[1024] = "";

	if (!services)
		errx(EXIT_FLIP, "no service called '%s' runs under flip here; see flip status",
		     name);
	for (struct peer *service = services; service; service = service->next)
		if (service->uid == geteuid())
			return service;
	if (!services->next)
		return services;
	peers_list(services, list, sizeof(list));
	errx(EXIT_FLIP, "several users have a service called '%s': %s; name it by its pid", name,
	     list);
}

static struct peer *peer_only(struct peer *services)
{
	char list[1024] = "";

	if (!services->next)
		return services;
	peers_list(services, list, sizeof(list));
	errx(EXIT_FLIP, "several services run under flip here: %s; name the one you mean", list);
}

/* Never returns NULL: a target that is none ends the command with a sentence. */
static struct peer *peer_choose(struct peer *services, const char *target)
{
	const char *reason;

	if (!target)
		return peer_only(services);
	if (control_name_ok(target))
		return peer_of_name(services, target);

	pid_t pid = (pid_t)strtonum(target, 1, INT_MAX, &reason);

	if (reason)
		errx(EXIT_FLIP, "'%s' is neither the name of a service nor a pid", target);

	struct peer *service = peer_of_pid(services, pid);

	if (!service)
		errx(EXIT_FLIP, "process %d belongs to no service of flip; see flip status",
		     (int)pid);
	return service;
}

/* Each line at once: whoever pipes us somewhere wants to see the progress, too. */
static void report_print(const struct report *report, void *context)
{
	FILE *stream = report->final && report->exit_code != 0 ? stderr : stdout;

	if (report->text[0] == '\0')
		return;
	fprintf(stream, "%s\n", report->text);
	fflush(stream);
}

/* By ^Z: nothing would be answered until somebody lets it go on. Of one that is traced ('t') it may be for a moment. */
static bool peer_is_halted(const struct peer *service)
{
	struct procfs_stat stat;

	return process_stat(service->pid, &stat) && stat.state == 'T';
}

static int peer_command(const struct peer *service, enum message_type type)
{
	const char *garbage;

	if (peer_is_halted(service)) {
		warnx("the supervisor of %s (pid %d) is halted; let it go on by 'kill -CONT %d', then try again",
		      service->name, (int)service->pid, (int)service->pid);
		return EXIT_FLIP;
	}
	/* A restart takes as long as the new server does; what flip knows it says at once. */
	if (type == MESSAGE_CONTROL_STATUS)
		peer_limit(service);

	int code = peer_ask(service, type, report_print, NULL, &garbage);

	if (code >= 0)
		return code;
	if (code == -2) {
		warnx("the supervisor of %s (pid %d) answered what flip %s does not understand: %s",
		      service->name, (int)service->pid, FLIP_VERSION, garbage);
		return EXIT_FLIP;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		warnx("the supervisor of %s (pid %d) does not answer; is it stopped?",
		      service->name, (int)service->pid);
		return EXIT_FLIP;
	}
	warnx("the supervisor of %s ended before it answered", service->name);
	return 1;
}

static int status_all(const struct peer *services)
{
	bool several = services->next != NULL;
	int code = 0;

	for (; services; services = services->next) {
		if (several) {
			peer_print(services, stdout);
			puts(":");
		}
		/* What went wrong with a service comes on stderr, and must come under its name. */
		fflush(stdout);

		int one = peer_command(services, MESSAGE_CONTROL_STATUS);

		code = one > code ? one : code;
		if (services->next)
			putchar('\n');
	}
	return code;
}

int control_command(enum message_type type, const char *target)
{
	__attribute__((cleanup(peers_free))) struct peer *services = NULL;

	peers_find(&services, target && control_name_ok(target) ? target : NULL);
	if (!services && !(target && control_name_ok(target)))
		errx(EXIT_FLIP, "no service runs under flip here");
	if (!target && type == MESSAGE_CONTROL_STATUS)
		return status_all(services);
	return peer_command(peer_choose(services, target), type);
}
