#include "migration.h"

#include "log.h"
#include "loop.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define SETTING "/proc/sys/net/ipv4/tcp_migrate_req"
/* Who has not finished its handshake by then has begun it again. */
#define LINGER_MS 2000

static struct timer linger_timer;
static bool is_ours; /* it was off before */
/* Locked for as long as this supervisor wants it on: the last one that does puts it back. */
static int lock_fd = -1;

static bool is_set(void)
{
	char value = '0';

	return pread(lock_fd, &value, 1, 0) == 1 && value == '1';
}

static bool set(char value)
{
	int fd = open(SETTING, O_WRONLY | O_CLOEXEC);
	bool is_done;

	if (fd < 0)
		return false;
	is_done = write(fd, &value, 1) == 1;
	close(fd);
	if (is_done)
		log_line(LOG_LEVEL_DEBUG, "net.ipv4.tcp_migrate_req is set to %c", value);
	return is_done;
}

bool migration_begin(void)
{
	timer_clear(&linger_timer);
	if (lock_fd < 0)
		lock_fd = open(SETTING, O_RDONLY | O_CLOEXEC);
	if (lock_fd < 0 || flock(lock_fd, LOCK_SH | LOCK_NB) != 0)
		return false;
	if (is_set())
		return true;
	is_ours = set('1');
	return is_ours;
}

static void unlock(void)
{
	close(lock_fd);
	lock_fd = -1;
	is_ours = false;
}

void migration_end_now(void)
{
	timer_clear(&linger_timer);
	if (is_ours)
		set('0');
	if (lock_fd >= 0)
		unlock();
}

static void linger_end(struct timer *timer)
{
	if (is_ours && flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
		(void)flock(lock_fd, LOCK_SH | LOCK_NB); /* it was lost with the try (flock(2)) */
		timer_set(timer, LINGER_MS, linger_end); /* another supervisor needs it yet */
		return;
	}
	migration_end_now();
}

void migration_end(void)
{
	if (lock_fd >= 0)
		timer_set(&linger_timer, LINGER_MS, linger_end);
}
