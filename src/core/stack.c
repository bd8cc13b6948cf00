/* SPDX-License-Identifier: ISC */
/*
 * The stacks of tasks that have ended, kept for the next ones: mapping a stack
 * costs more than all the rest of a spawn. One list for each power of two, as
 * threads and tasks want stacks of different sizes; the words of a free stack
 * are the list.
 *
 *     16 KiB  32 KiB  64 KiB  128 KiB     at most KEEP bytes in each
 */
#include "core/stack.h"

#include "core/page.h"
#include "platform.h"

#define LEAST	(16ul << 10)
#define CLASSES 4
#define KEEP	(256ul << 10)

struct spare {
	struct spare *next;
};

static struct spare *spares[CLASSES];
static size_t kept[CLASSES], in_use;

/* The class that a stack of this size can come from, else CLASSES. */
static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (c < CLASSES && LEAST << c < size)
		c++;
	return c;
}

void *stack_get(size_t *size)
{
	unsigned c = class_of(*size);
	struct spare *s = c < CLASSES ? spares[c] : NULL;
	void *stack;

	if (s) {
		spares[c] = s->next;
		*size = LEAST << c;
		kept[c] -= *size;
		in_use += *size;
		return s;
	}
	stack = platform_stack_alloc(size);
	if (stack)
		in_use += *size;
	return stack;
}

/* When memory is short: all of them. */
static size_t give_back(void)
{
	size_t freed = 0;

	for (unsigned c = 0; c < CLASSES; c++) {
		while (spares[c]) {
			struct spare *s = spares[c];

			spares[c] = s->next;
			platform_stack_free(s, LEAST << c);
		}
		freed += kept[c];
		kept[c] = 0;
	}
	return freed;
}

void stack_put(void *stack, size_t size)
{
	unsigned c = class_of(size);
	struct spare *s = stack;

	in_use -= size;
	if (c == CLASSES || LEAST << c != size || kept[c] + size > KEEP) {
		platform_stack_free(stack, size);
		return;
	}
	s->next = spares[c];
	spares[c] = s;
	if (!kept[c])
		page_add_reclaim(give_back);
	kept[c] += size;
}

size_t stack_bytes(void)
{
	size_t n = in_use;

	for (unsigned c = 0; c < CLASSES; c++)
		n += kept[c];
	return n;
}
