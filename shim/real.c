#include "real.h"

#include <dlfcn.h>

struct real real;

void real_resolve(void **slot, const char *name)
{
	*slot = dlsym(RTLD_NEXT, name);
}

void real_resolve_hot(void)
{
	(void)REAL(accept);
	(void)REAL(accept4);
	(void)REAL(epoll_wait);
	(void)REAL(poll);
}
