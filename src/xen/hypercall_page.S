/* SPDX-License-Identifier: ISC */
/*
 * One page of code that Xen fills in (hypercall.c): 32 bytes per hypercall.
 * Until then every entry just returns.
 */
	.section .hypercall_page, "ax"
	.align 4096
	.global hypercall_page
hypercall_page:
	.skip 4096, 0xc3
	.section .note.GNU-stack, "", @progbits
