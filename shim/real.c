#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>

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

void real_resolve_all(void)
{
	static _Atomic bool is_done;
	bool missing = false;

	if (atomic_load(&is_done))
		return;
#define INTERPOSE(type, name, params, args, why) missing |= REAL(name) == NULL;
#define INTERPOSE_RETRY(type, name, params, args, why) missing |= REAL(name) == NULL;
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) missing |= REAL(name) == NULL;
#define INTERPOSE_VARIADIC(type, name, params, why) missing |= REAL(name) == NULL;
#include "interpose.def"
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC
	if (missing)
		dlerror(); /* an older libc has not all: no error of the program's */
	atomic_store(&is_done, true);
}
