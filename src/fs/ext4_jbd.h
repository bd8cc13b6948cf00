/* SPDX-License-Identifier: ISC */
/*
 * The journal's format on the disk (jbd2), numbers big-endian.
 * Source: Linux, Documentation/filesystems/ext4/journal.rst.
 *
 *     block 0          superblock
 *     ring [first,end) transactions, each:
 *        revoke        blocks that older transactions are not to restore
 *        descriptor    where the next blocks belong
 *        block ...
 *        descriptor, block ...
 *        commit        the transaction holds
 */
#ifndef FATA_FS_EXT4_JBD_H
#define FATA_FS_EXT4_JBD_H

#include <stdint.h>

#define JBD_MAGIC 0xc03b3998u

enum jbd_type {
	JBD_DESCRIPTOR = 1,
	JBD_COMMIT = 2,
	JBD_SUPER_1 = 3,
	JBD_SUPER_2 = 4,
	JBD_REVOKE = 5,
};

struct jbd_header {
	uint32_t magic, type, sequence;
};

#define JBD_INCOMPAT_REVOKE  0x01
#define JBD_INCOMPAT_64BIT   0x02
#define JBD_INCOMPAT_CSUM_V3 0x10
#define JBD_CRC32C           4

struct jbd_super {
	struct jbd_header header;
	uint32_t block_size, max_len, first;
	uint32_t sequence, start; /* of the oldest transaction; start 0: none */
	int32_t error;
	uint32_t compat, incompat, ro_compat;
	uint8_t uuid[16];
	uint32_t users, dynsuper, max_transaction, max_trans_data;
	uint8_t checksum_type, unused[3];
	uint32_t fast_blocks, head, padding[40];
	uint32_t checksum;
	uint8_t user_ids[16 * 48];
};

_Static_assert(sizeof(struct jbd_super) == 1024, "journal superblock");

#define JBD_ESCAPED   1 /* the block began with the magic, zeroed here */
#define JBD_SAME_UUID 2 /* else 16 bytes follow the tag */
#define JBD_LAST      8

/* With 64BIT and without CSUM_V3 12 bytes, with neither 8. */
struct jbd_tag {
	uint32_t block;
	uint16_t checksum, flags;
	uint32_t block_high;
};

struct jbd_tag3 {
	uint32_t block, flags, block_high, checksum;
};

/* With CSUM_V3: at the end of descriptors and revokes. */
struct jbd_tail {
	uint32_t checksum;
};

struct jbd_revoke {
	struct jbd_header header;
	uint32_t bytes; /* used, with this header; then block numbers */
};

struct jbd_commit {
	struct jbd_header header;
	uint8_t checksum_type, checksum_size, padding[2];
	uint32_t checksum[8];
	uint64_t seconds;
	uint32_t nanoseconds;
};

static inline uint32_t be32(uint32_t x)
{
	return __builtin_bswap32(x);
}

static inline uint16_t be16(uint16_t x)
{
	return __builtin_bswap16(x);
}

static inline uint64_t be64(uint64_t x)
{
	return __builtin_bswap64(x);
}

#endif
