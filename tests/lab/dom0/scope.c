/* SPDX-License-Identifier: ISC */
/* What Linux says: the guest of net_scope.sh as a program of dom0. */
#include "../net_scope.c"
