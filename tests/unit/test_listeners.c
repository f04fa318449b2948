#include "core/listeners.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct listeners *fresh(void)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));

	cr_assert(listeners != NULL);
	return listeners;
}

static unsigned count(const struct listeners *listeners)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		n += listeners->slot[i].inode != 0;
	return n;
}

Test(listeners, finds_what_was_added)
{
	struct listeners *listeners = fresh();
	struct listener *one = listeners_add(listeners, 4711, LISTENER_BLOCKING);

	cr_assert(one != NULL);
	cr_expect(one->inode == 4711 && one->flags == LISTENER_BLOCKING);
	cr_expect(listeners_find(listeners, 4711) == one);
	cr_expect(listeners_find(listeners, 4712) == NULL);
	cr_expect(listeners_find(listeners, 0) == NULL);
	free(listeners);
}

Test(listeners, adds_each_once_and_keeps_its_flags)
{
	struct listeners *listeners = fresh();
	struct listener *one = listeners_add(listeners, 5, LISTENER_BLOCKING);

	cr_expect(listeners_add(listeners, 5, LISTENER_WAITED) == one);
	cr_expect(one->flags == LISTENER_BLOCKING);
	cr_expect(count(listeners) == 1);
	free(listeners);
}

Test(listeners, knows_no_listener_zero)
{
	struct listeners *listeners = fresh();

	cr_expect(listeners_add(listeners, 0, 1) == NULL);
	cr_expect(count(listeners) == 0);
	free(listeners);
}

Test(listeners, takes_as_many_as_it_says_and_then_no_more)
{
	struct listeners *listeners = fresh();

	for (uint64_t inode = 1; inode <= LISTENERS_MAX; inode++)
		cr_assert(listeners_add(listeners, inode * 64, (uint32_t)inode) != NULL);
	cr_expect(listeners_add(listeners, 7, 0) == NULL);
	cr_expect(listeners_find(listeners, 7) == NULL);
	for (uint64_t inode = 1; inode <= LISTENERS_MAX; inode++) {
		struct listener *found = listeners_find(listeners, inode * 64);

		cr_assert(found != NULL);
		cr_expect(found->inode == inode * 64 && found->flags == inode);
		cr_expect(listeners_add(listeners, inode * 64, 0) == found);
	}
	free(listeners);
}

/* Inodes whose first place is the same, at the end of the table. */
Test(listeners, goes_on_at_the_start_where_the_table_ends)
{
	struct listeners *listeners = fresh();
	uint64_t inodes[8];
	unsigned n = 0;

	for (uint64_t inode = 1; n < 8; inode++) {
		struct listeners *probe = listeners;

		if ((((inode * 0x9e3779b97f4a7c15u) >> 32) & (LISTENERS_MAX - 1)) != LISTENERS_MAX - 1)
			continue;
		cr_assert(listeners_add(probe, inode, n + 1) != NULL);
		inodes[n++] = inode;
	}
	cr_expect(count(listeners) == 8);
	cr_expect(listeners->slot[LISTENERS_MAX - 1].inode != 0 && listeners->slot[0].inode != 0);
	for (unsigned i = 0; i < n; i++)
		cr_expect(listeners_find(listeners, inodes[i])->flags == i + 1);
	free(listeners);
}

Test(listeners, knows_places_to_the_bit)
{
	static const uint32_t keys[] = { 0, 1, 63, 64, 80, 8080, 65535, 65536, ADDRESS_KEYS - 1 };
	struct listeners *listeners = fresh();

	for (size_t i = 0; i < 9; i++)
		listeners_add_key(listeners, keys[i]);
	for (uint32_t key = 0, n = 0; key < ADDRESS_KEYS; key++) {
		bool is_one = n < 9 && keys[n] == key;

		n += is_one;
		cr_expect(listeners_has_key(listeners, key) == is_one, "%u", key);
	}
	free(listeners);
}

#define THREADS 8
#define EACH 4000

struct adder {
	pthread_t thread;
	struct listeners *listeners;
	pthread_barrier_t *start;
	unsigned at;
	struct listener *found[EACH];
};

/* All threads add the same inodes, each in an order of its own, with a flag and a key of its own. */
static void *add_all(void *argument)
{
	struct adder *adder = argument;

	pthread_barrier_wait(adder->start);
	for (unsigned i = 0; i < EACH; i++) {
		unsigned which = (i * 7 + adder->at * 501) % EACH;
		struct listener *listener = listeners_add(adder->listeners, which + 1, 0);

		if (listener)
			atomic_fetch_or(&listener->flags, 1u << adder->at);
		adder->found[which] = listener;
		listeners_add_key(adder->listeners, which * 8 + adder->at);
	}
	return NULL;
}

Test(listeners, makes_one_entry_of_what_threads_add_at_once, .timeout = 60)
{
	static struct adder adders[THREADS];
	pthread_barrier_t start;

	for (int round = 0; round < 20; round++) {
		struct listeners *listeners = fresh();

		pthread_barrier_init(&start, NULL, THREADS);
		for (unsigned i = 0; i < THREADS; i++) {
			adders[i].listeners = listeners;
			adders[i].start = &start;
			adders[i].at = i;
			cr_assert(pthread_create(&adders[i].thread, NULL, add_all, &adders[i]) == 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(adders[i].thread, NULL);
		cr_assert(count(listeners) == EACH);
		for (unsigned which = 0; which < EACH; which++) {
			struct listener *listener = listeners_find(listeners, which + 1);

			cr_assert(listener != NULL);
			cr_assert(listener->flags == (1u << THREADS) - 1);
			for (unsigned i = 0; i < THREADS; i++)
				cr_assert(adders[i].found[which] == listener);
		}
		for (uint32_t key = 0; key < EACH * 8; key++)
			cr_assert(listeners_has_key(listeners, key));
		pthread_barrier_destroy(&start);
		free(listeners);
	}
}
