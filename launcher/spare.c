#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SPARES 8
#define ASKED_MAX 256

static int kept[SPARES];
static unsigned n_kept;

static int take(void)
{
	return n_kept ? fcntl(kept[0], F_DUPFD_CLOEXEC, 0) : open("/", O_PATH | O_CLOEXEC);
}

void spare_keep(void)
{
	int fd;

	while (n_kept < SPARES && (fd = take()) >= 0)
		kept[n_kept++] = fd;
}

bool spare_lend(void)
{
	if ((errno != EMFILE && errno != ENFILE) || !n_kept)
		return false;
	while (n_kept)
		close(kept[--n_kept]);
	return true;
}

bool spare_has(unsigned n)
{
	int fds[ASKED_MAX], error;
	unsigned taken = 0;

	if (n > ASKED_MAX)
		n = ASKED_MAX;
	spare_keep();
	while (taken < n && (fds[taken] = take()) >= 0)
		taken++;
	error = errno;
	for (unsigned i = 0; i < taken; i++)
		close(fds[i]);
	errno = error;
	return taken == n && n_kept == SPARES;
}
