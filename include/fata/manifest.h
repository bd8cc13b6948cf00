/* SPDX-License-Identifier: ISC */
/*
 * What an image says about itself: records in an ELF note that the tool reads
 * without running the image (`fata inspect`, `fata config`, `fata run`).
 *
 * Each record is a note of name "Fata" in section .note.fata, so that PT_NOTE
 * finds it in a stripped image as well:
 *
 *     type   descriptor: strings, each ended by NUL, zero-padded to 4 bytes
 *     1 net    name
 *     2 block  name
 *     3 param  name, type, default, help   (written by param.h)
 *     4 name   the program's name and one line about it
 *     5 unknown  "reject" or "ignore" or "pass"
 *     6 folder   name
 */
#ifndef FATA_MANIFEST_H
#define FATA_MANIFEST_H

#include <fata/base.h>

/* The types above. */
#define FATA_NOTE_NET 1
#define FATA_NOTE_BLOCK 2
#define FATA_NOTE_PARAM 3
#define FATA_NOTE_NAME 4
#define FATA_NOTE_UNKNOWN 5
#define FATA_NOTE_FOLDER 6

/* Private: a and b as one word, after they are expanded. */
#define FATA_NOTE_PASTE_(a, b) a##b
#define FATA_NOTE_PASTE(a, b) FATA_NOTE_PASTE_(a, b)

/* One note; `text` is a string literal, its last NUL implied. */
#define FATA_NOTE(type_, text)                                                 \
	static const struct {                                                  \
		uint32_t namesz, descsz, type;                                 \
		char name[8];                                                  \
		char desc[(sizeof(text) + 3) & ~3ul];                          \
	} FATA_NOTE_PASTE(fata_note_, __COUNTER__)                             \
		__attribute__((section(".note.fata"), aligned(4), used)) = {   \
			5, (sizeof(text) + 3) & ~3ul, type_, "Fata", text}

/* The program wants a network interface (a vif) known by this name. */
#define FATA_NET(name) FATA_NOTE(FATA_NOTE_NET, name)

/* The program wants a block device (a vbd) known by this name. */
#define FATA_BLOCK(name) FATA_NOTE(FATA_NOTE_BLOCK, name)

/* The program wants a shared folder (9pfs) whose tag is this name. */
#define FATA_FOLDER(name) FATA_NOTE(FATA_NOTE_FOLDER, name)

/* The program's name and one line about it, for --help and the tool. */
#define FATA_NAME(name, about)                                                 \
	FATA_NOTE(FATA_NOTE_NAME, name "\0" about);                            \
	extern const char *const fata_program[2];                              \
	const char *const fata_program[2] = {name, about}

#endif
