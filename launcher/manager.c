#include "manager.h"

#include "core/procfs.h"
#include "log.h"
#include "service.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 1400
#define STATUS_MAX 1000 /* more than describe() puts together */
#define RETIRED_SHOWN 4
/* While the manager does not read: how much is kept for it, and when it is tried again. */
#define WAITING_MAX 64
#define SEND_AGAIN_MS 50

struct outgoing {
	TAILQ_ENTRY(outgoing) link;
	char text[]; /* NUL-terminated */
};

static struct {
	struct sockaddr_un address;
	socklen_t length; /* 0: nobody is to be told */
	pid_t main_pid;
	enum { TOLD_NOTHING, TOLD_READY, TOLD_RELOADING, TOLD_STOPPING } told;
	unsigned reloading;	     /* the generation that served when the reload began */
	bool failed;		     /* the last one did */
	char status[STATUS_MAX + 1]; /* as last sent */
	TAILQ_HEAD(, outgoing) waiting;
	unsigned n_waiting;
	struct timer again;
} manager = { .waiting = TAILQ_HEAD_INITIALIZER(manager.waiting) };

/* Sending. */

static int send_as(int fd, const char *text, pid_t pid)
{
	struct ucred sender = { pid, getuid(), getgid() };
	struct iovec vector = { (void *)(uintptr_t)text, strlen(text) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(sender))];
	} control = { .header = { CMSG_LEN(sizeof(sender)), SOL_SOCKET, SCM_CREDENTIALS } };
	struct msghdr message = {
		.msg_name = &manager.address,
		.msg_namelen = manager.length,
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &sender, sizeof(sender));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

/*
 * A socket for each: one that stays connected would not survive a manager that is started anew.
 * In the bare face the main process is another one, and systemd by default hears that alone
 * (NotifyAccess=main): as root flip may speak for it.
 */
static int send_now(const char *text)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : send_as(fd, text, manager.main_pid);

	if (fd >= 0 && (error == EPERM || error == ESRCH))
		error = send_as(fd, text, getpid());
	if (fd >= 0)
		close(fd);
	return error;
}

static void log_failure(int error)
{
	static bool once;

	if (!once)
		log_line(LOG_LEVEL_INFO, "cannot tell the service manager how the service is: %s",
			 strerror(error));
	once = true;
}

static void send_waiting(struct timer *timer)
{
	struct outgoing *first;
	int error;

	while ((first = TAILQ_FIRST(&manager.waiting))) {
		error = send_now(first->text);
		if (error == EAGAIN) {
			timer_set(timer, SEND_AGAIN_MS, send_waiting);
			return;
		}
		if (error)
			log_failure(error);
		TAILQ_REMOVE(&manager.waiting, first, link);
		manager.n_waiting--;
		free(first);
	}
}

/* In their order: what cannot be sent now keeps the later ones waiting. */
static void send_later(const char *text)
{
	size_t size = strlen(text) + 1;
	struct outgoing *outgoing =
		manager.n_waiting < WAITING_MAX ? malloc(sizeof(*outgoing) + size) : NULL;

	if (!outgoing) {
		log_failure(EAGAIN);
		return;
	}
	memcpy(outgoing->text, text, size);
	TAILQ_INSERT_TAIL(&manager.waiting, outgoing, link);
	manager.n_waiting++;
	if (!manager.again.active)
		timer_set(&manager.again, SEND_AGAIN_MS, send_waiting);
}

static void send_text(const char *text)
{
	int error = TAILQ_EMPTY(&manager.waiting) ? send_now(text) : EAGAIN;

	if (error == EAGAIN)
		send_later(text);
	else if (error)
		log_failure(error);
}

/* A text that is put together; what does not fit is left out. */
struct text {
	size_t used;
	char bytes[MESSAGE_MAX];
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->used, sizeof(text->bytes) - text->used, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(text->bytes) - text->used)
		text->used += (size_t)length;
	text->bytes[text->used] = '\0';
}

/* "generation 3 (pid 4711) serves; generation 2 drains 5 connections" */

static const char *doing(const struct generation *generation)
{
	static const char *const words[] = { "starts", "serves", "lets go", "drains", "ends", "ends" };

	return words[generation->phase];
}

static void add_generation(struct text *text, const struct generation *generation)
{
	uint64_t n = generation->drain_count;

	text_add(text, "%sgeneration %u (pid %d) %s", text->used ? "; " : "", generation->number,
		 (int)generation->pid, doing(generation));
	if (generation->phase == PHASE_DRAINING && generation->drain_told && n != UINT64_MAX)
		text_add(text, " %" PRIu64 " connection%s", n, n == 1 ? "" : "s");
	if (generation->phase == PHASE_SERVING && generation->said_status[0])
		text_add(text, ": %s", generation->said_status);
}

static void add_retired(struct text *text)
{
	const struct generation *generation;
	unsigned n = 0;

	TAILQ_FOREACH(generation, &service.retired, link)
		if (n++ < RETIRED_SHOWN)
			add_generation(text, generation);
	if (n > RETIRED_SHOWN)
		text_add(text, "; and %u more", n - RETIRED_SHOWN);
}

static bool is_alone(const struct generation *generation)
{
	return !service.new && TAILQ_EMPTY(&service.retired) && !manager.failed &&
	       generation->phase == PHASE_SERVING;
}

/* What a server at rest says of itself is said in its place. */
static void describe(struct text *text)
{
	text->used = 0;
	text->bytes[0] = '\0';
	if (service.current && is_alone(service.current) && service.current->said_status[0]) {
		text_add(text, "%s", service.current->said_status);
		return;
	}
	if (service.current)
		add_generation(text, service.current);
	if (service.new)
		add_generation(text, service.new);
	add_retired(text);
	if (service.state == SERVICE_WAITING)
		text_add(text, "nobody serves: %s", service.failure);
	if (manager.failed && service_is_serving())
		text_add(text, "; the last restart failed: %s", service.failure);
}

/* Appends STATUS= to the message if it reads otherwise than the last one. */
static void add_status(struct text *message)
{
	struct text text;

	describe(&text);
	if (text.used == 0 || strcmp(text.bytes, manager.status) == 0)
		return;
	strlcpy(manager.status, text.bytes, sizeof(manager.status));
	text_add(message, "%sSTATUS=%s", message->used ? "\n" : "", text.bytes);
}

/* The main process. */

static pid_t main_pid_now(void)
{
	const struct generation *generation = service.current;
	const struct member *member = generation ? TAILQ_FIRST(&generation->members) : NULL;

	if (!service.bare || !generation)
		return manager.main_pid;
	/* One that went into the background. */
	return generation->exited && member ? member->pid : generation->pid;
}

static void add_main_pid(struct text *message)
{
	pid_t pid = main_pid_now();

	if (pid != manager.main_pid)
		text_add(message, "%sMAINPID=%d", message->used ? "\n" : "", (int)pid);
}

static void send_message(const struct text *message)
{
	if (message->used)
		send_text(message->bytes);
}

/* What is told. */

static bool is_reloading(void)
{
	return service.state == SERVICE_CHECKING || service.state == SERVICE_COLLECTING ||
	       service.state == SERVICE_UPGRADING || service.state == SERVICE_RETIRING ||
	       service.state == SERVICE_VACATING;
}

static void begin_reload(struct text *message)
{
	manager.told = TOLD_RELOADING;
	manager.reloading = service.current ? service.current->number : 0;
	/* So that it can tell this reload from one before (sd_notify(3)). */
	text_add(message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_now_ns() / 1000);
}

void manager_tell_begin(void)
{
	struct text message = { .used = 0 };

	if (!manager.length)
		return;
	if (is_reloading() && manager.told == TOLD_READY) {
		begin_reload(&message);
	} else if (service.state >= SERVICE_STOPPING && manager.told != TOLD_STOPPING) {
		manager.told = TOLD_STOPPING;
		text_add(&message, "STOPPING=1");
	}
	send_message(&message);
}

static void end_reload(struct text *message)
{
	manager.failed = manager.told == TOLD_RELOADING &&
			 (!service.current || service.current->number == manager.reloading);
	manager.told = TOLD_READY;
	text_add(message, "READY=1");
}

void manager_tell_result(void)
{
	struct text message = { .used = 0 };
	pid_t pid = main_pid_now();

	if (!manager.length)
		return;
	if ((service_is_serving() || service.state == SERVICE_WAITING) &&
	    manager.told != TOLD_READY)
		end_reload(&message);
	/* In place it has failed at first, and worked later. */
	if (service_is_serving() && service.current->number != manager.reloading)
		manager.failed = false;
	add_main_pid(&message);
	add_status(&message);
	/* In the name of the one before: only the main process may name another. */
	send_message(&message);
	manager.main_pid = pid;
}

/* -1: none, or that hears of the others. */
static pid_t executed_by_systemd(void)
{
	const char *text = getenv("SYSTEMD_EXEC_PID");

	return text && !manager.length ? procfs_parse_number(text) : -1;
}

bool manager_is_deaf(pid_t pid)
{
	pid_t executed = executed_by_systemd();

	return executed > 0 && (executed == pid || (kill(executed, 0) != 0 && errno == ESRCH));
}

bool manager_would_end(pid_t pid)
{
	return executed_by_systemd() == pid;
}

void manager_pass_on(const struct notification *said)
{
	if (!manager.length || !said->pass_on[0])
		return;
	send_text(said->pass_on);
}

void manager_init(const char *address, pid_t main_pid)
{
	size_t length = address ? strlen(address) : 0;

	manager.main_pid = main_pid;
	if (length == 0)
		return;
	if ((address[0] != '/' && address[0] != '@') || length < 2 ||
	    length >= sizeof(manager.address.sun_path)) {
		log_line(LOG_LEVEL_INFO, "cannot tell the service manager anything at NOTIFY_SOCKET=%s",
			 address);
		return;
	}
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, address, length);
	if (address[0] == '@')
		manager.address.sun_path[0] = '\0';
	manager.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (address[0] == '/'));
}
