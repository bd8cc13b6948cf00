/* SPDX-License-Identifier: ISC */
/*
 * Stacks for tasks (stack.c).
 */
#ifndef FATA_CORE_STACK_H
#define FATA_CORE_STACK_H

#include <stddef.h>

/*
 * At least *size bytes, which becomes what there is; the contents are unknown.
 * NULL when memory is short. stack_put takes it back, nobody may stand on it.
 */
void *stack_get(size_t *size);
void stack_put(void *stack, size_t size);

/* Of all stacks, those that are kept for the next task too. */
size_t stack_bytes(void);

#endif
