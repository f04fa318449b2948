#include "real.h"

#include <assert.h>
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

/* In the order of `real`, which has nothing but pointers. No pointers here, for those would have to be relocated. */
#define NAME_MAX_BYTES 16
#define INTERPOSE(type, name, params, args, why) #name,
#define INTERPOSE_RETRY(type, name, params, args, why) #name,
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) #name,
#define INTERPOSE_VARIADIC(type, name, params, why) #name,
static const char names[][NAME_MAX_BYTES] = {
#include "interpose.def"
};
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC
#define N_NAMES (sizeof(names) / sizeof(*names))

#define INTERPOSE(type, name, params, args, why) static_assert(sizeof(#name) <= NAME_MAX_BYTES, #name);
#define INTERPOSE_RETRY(type, name, params, args, why) INTERPOSE(type, name, params, args, why)
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) INTERPOSE(type, name, params, args, why)
#define INTERPOSE_VARIADIC(type, name, params, why) INTERPOSE(type, name, params, , why)
#include "interpose.def"
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC

void real_resolve_all(void)
{
	static _Atomic bool is_done;
	void **slots = (void **)(void *)&real;
	bool missing = false;

	static_assert(sizeof(real) == N_NAMES * sizeof(*slots), "one name for each");
	if (atomic_load(&is_done))
		return;
	for (size_t i = 0; i < N_NAMES; i++) {
		if (!slots[i])
			real_resolve(&slots[i], names[i]);
		missing |= !slots[i];
	}
	if (missing)
		dlerror(); /* an older libc has not all: no error of the program's */
	atomic_store(&is_done, true);
}
