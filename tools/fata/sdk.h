/* SPDX-License-Identifier: ISC */
/*
 * Where the headers, libraries and the lab's files are: in the build folder
 * that the tool was built in, or in an installed tree.
 *
 *                    build/fata               PREFIX/bin/fata
 *     include        SOURCE/include           PREFIX/lib/fata/include
 *     lib            build/lib                PREFIX/lib/fata/lib
 *     musl_include   build/pkg/dev/usr/...    PREFIX/lib/fata/musl/include
 *     musl_lib       build/pkg/dev/usr/...    PREFIX/lib/fata/musl/lib
 *     root           SOURCE                   PREFIX/lib/fata
 */
#ifndef TOOL_SDK_H
#define TOOL_SDK_H

struct sdk {
	char *root, *include, *lib, *musl_include, *musl_lib;
};

/* Found once, from the tool's own place; NULL after saying what is missing. */
const struct sdk *sdk_find(void);

#endif
