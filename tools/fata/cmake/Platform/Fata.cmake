# SPDX-License-Identifier: ISC
# What CMake asks of a system that it does not know: POSIX, and no shared
# libraries, so that SHARED ones are built as static ones.
set(UNIX 1)
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
