# SPDX-License-Identifier: ISC
# fata.cmake - CMake's toolchain file for images:
#
#    cmake -DCMAKE_TOOLCHAIN_FILE=$(pkg-config --variable=toolchain fata) ...
#
# The tool is the one that this file was installed with (PREFIX/lib/fata/cmake
# beside PREFIX/bin); in the sources' own tree FATA in the environment names it.
set(own "${CMAKE_CURRENT_LIST_DIR}/../../../bin/fata")
if(EXISTS "${own}")
  get_filename_component(FATA "${own}" REALPATH)
elseif(DEFINED ENV{FATA})
  set(FATA "$ENV{FATA}")
else()
  find_program(FATA fata REQUIRED)
endif()

list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
set(CMAKE_SYSTEM_NAME Fata)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER "${FATA}" cc)
set(CMAKE_CXX_COMPILER "${FATA}" c++)
# The host's programs are of use, its headers and libraries never.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
