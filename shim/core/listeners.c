#include "listeners.h"

#include <stddef.h>

static uint32_t slot_first(uint64_t inode)
{
	return (uint32_t)((inode * 0x9e3779b97f4a7c15u) >> 32) & (LISTENERS_MAX - 1);
}

struct listener *listeners_find(struct listeners *listeners, uint64_t inode)
{
	uint32_t at = slot_first(inode);

	for (uint32_t n = 0; inode && n < LISTENERS_MAX; n++, at = (at + 1) & (LISTENERS_MAX - 1)) {
		uint64_t found = atomic_load(&listeners->slot[at].inode);

		if (found == inode)
			return &listeners->slot[at];
		if (found == 0)
			break;
	}
	return NULL;
}

struct listener *listeners_add(struct listeners *listeners, uint64_t inode, uint32_t flags)
{
	uint32_t at = slot_first(inode);

	for (uint32_t n = 0; inode && n < LISTENERS_MAX; n++, at = (at + 1) & (LISTENERS_MAX - 1)) {
		struct listener *slot = &listeners->slot[at];
		uint64_t found = 0;

		if (atomic_compare_exchange_strong(&slot->inode, &found, inode)) {
			atomic_fetch_or(&slot->flags, flags);
			return slot;
		}
		if (found == inode)
			return slot;
	}
	return NULL;
}

void listeners_add_key(struct listeners *listeners, uint32_t key)
{
	atomic_fetch_or(&listeners->keys[key / 64], 1ull << (key % 64));
}

bool listeners_has_key(struct listeners *listeners, uint32_t key)
{
	return atomic_load_explicit(&listeners->keys[key / 64], memory_order_relaxed) >>
		       (key % 64) &
	       1;
}
