/* SPDX-License-Identifier: ISC */
/*
 * A doubly linked ring of entries that live inside other objects.
 *
 *     head <-> first <-> ... <-> last <-> head
 *
 * Interface: a head is made with list_init; an entry is in at most one list,
 * and one that is in none points to itself (after list_init or list_remove),
 * so that list_remove is harmless when repeated. All operations are O(1).
 */
#ifndef FATA_CORE_LIST_H
#define FATA_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* A head, at file scope: static struct list tasks = LIST_INIT(tasks); */
/* clang-format off */
#define LIST_INIT(head) {&(head), &(head)}
/* clang-format on */

/* The object of this type whose `member` is *entry. */
#define list_entry(entry, type, member)                                        \
	((type *)(void *)((char *)(entry)-offsetof(type, member)))

/* `entry` goes through the list; it may be removed on the way, its next not. */
#define list_for_each(entry, head)                                             \
	for (struct list *entry = (head)->next, *next_##entry = entry->next;   \
	     entry != (head);                                                  \
	     entry = next_##entry, next_##entry = entry->next)

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_between(struct list *entry, struct list *prev,
				    struct list *next)
{
	entry->prev = prev;
	entry->next = next;
	prev->next = next->prev = entry;
}

static inline void list_add_last(struct list *head, struct list *entry)
{
	list_add_between(entry, head->prev, head);
}

static inline void list_add_first(struct list *head, struct list *entry)
{
	list_add_between(entry, head, head->next);
}

static inline void list_remove(struct list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	list_init(entry);
}

/* Take the first entry out, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *entry = head->next;

	if (entry == head)
		return NULL;
	list_remove(entry);
	return entry;
}

#endif
