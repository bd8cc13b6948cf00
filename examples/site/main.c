/* SPDX-License-Identifier: ISC */
/*
 * The web server of examples/http, its files on an ext4 disk:
 *
 *     build/fata run --net lan=xenbr0 --block www=site.img \
 *         build/examples/site.xen --mount www:/www:ext4,ro
 */
#define SITE "www"
#include "../http/main.c"
