/* SPDX-License-Identifier: ISC */
/*
 * Virtual addresses: a large region of them, apart from the identity-mapped
 * memory, from which stacks, program mappings and large heap blocks take
 * ranges. Pages behind a range come one by one from the page allocator, so
 * physical fragmentation never matters.
 *
 * Interface: ranges are page-aligned; a range is reserved, then (parts of it)
 * mapped, protected and unmapped, then released. Nothing here blocks.
 */
#ifndef FATA_CORE_VM_H
#define FATA_CORE_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VM_READ 1
#define VM_WRITE 2
#define VM_EXEC 4 /* only the image's text may be executed: -EACCES */
/* Pages come at the first touch. Never for a stack that the kernel runs on. */
#define VM_LAZY 8

/* Once, after the page allocator has memory. */
void vm_init(void);

/*
 * Addresses for `size` bytes, aligned to `align` (a power of two, or 0), with
 * nothing mapped; NULL when memory for the record is short.
 */
void *vm_reserve(size_t size, size_t align);

/*
 * The same at a fixed address inside the region: 0, -EEXIST when a part is
 * taken, -EINVAL outside the region, -ENOMEM.
 */
int vm_reserve_at(void *at, size_t size);

/* Unmap what is mapped in [p, p + size) and give the addresses back. */
int vm_release(void *p, size_t size);

/*
 * Give a reserved part zeroed pages (at first touch with VM_LAZY) and these
 * permissions; what was mapped there before is freed. 0, -ENOMEM (nothing is
 * mapped then), -EINVAL when not reserved, -EACCES.
 */
int vm_map(void *p, size_t size, unsigned prot);

/* Change permissions of mapped (or lazy) pages. 0, -ENOMEM, -EACCES. */
int vm_protect(void *p, size_t size, unsigned prot);

/* Free the pages, keep the addresses: any access faults. 0 or -ENOMEM. */
int vm_unmap(void *p, size_t size);

/* Move the pages of one reserved range to another of the same size. */
int vm_move(void *to, void *from, size_t size);

/* Is every byte of [p, p + n) memory that may be read (written)? */
bool vm_readable(const void *p, size_t n);
bool vm_writable(const void *p, size_t n);

/*
 * A page fault at p: true when a lazy page was put there and the access can
 * be repeated.
 */
bool vm_fault(const void *p, bool write);

/* Give every lazy page of [p, p + size) its memory now. 0 or -ENOMEM. */
int vm_fill(void *p, size_t size);

/* Is p in the guard of a stack? For the panic's message. */
bool vm_is_guard(const void *p);

/* A stack with its guard; *size is rounded up. NULL when memory is short. */
void *vm_stack_alloc(size_t *size);
void vm_stack_free(void *stack, size_t size);

/*
 * n pages of contiguous addresses, zeroed, writable; NULL when memory is short.
 * Freed with the same n.
 */
void *vm_pages_alloc(size_t n);
void vm_pages_free(void *p, size_t n);

/* Where the region lies, for checks of pointers. */
uintptr_t vm_start(void);
uintptr_t vm_end(void);

#endif
