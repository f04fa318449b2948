#include "migration.h"

#include "log.h"
#include "loop.h"

#include <fcntl.h>
#include <unistd.h>

#define SETTING "/proc/sys/net/ipv4/tcp_migrate_req"
/* Who has not finished its handshake by then has begun it again. */
#define LINGER_MS 2000

static struct timer linger_timer;
static bool is_ours; /* it was off before */

static bool is_set(void)
{
	int fd = open(SETTING, O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd < 0)
		return false;
	(void)!read(fd, &value, 1);
	close(fd);
	return value == '1';
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
	if (is_set())
		return true;
	is_ours = set('1');
	return is_ours;
}

void migration_end_now(void)
{
	timer_clear(&linger_timer);
	if (is_ours)
		set('0');
	is_ours = false;
}

static void linger_end(struct timer *timer)
{
	(void)timer;
	migration_end_now();
}

void migration_end(void)
{
	if (is_ours)
		timer_set(&linger_timer, LINGER_MS, linger_end);
}
