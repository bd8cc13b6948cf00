/* SPDX-License-Identifier: ISC */
/*
 * A ledger in SQLite on an ext4 disk. It moves money between accounts, one
 * transaction after the other, and says of each that it is committed. Destroy
 * the guest at any moment: the next run finds each of them.
 */
#include <fata/fs.h>
#include <fata/manifest.h>
#include <fata/param.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("sqlite", "a database that survives everything");
FATA_BLOCK("data");
FATA_FS(ext4);

static int64_t rounds = 10;
FATA_PARAM_INT(rounds, "rounds", "10", "transactions; -1: without end");

static const char *journal = "delete";
FATA_PARAM_STRING(journal, "journal", "delete", "SQLite's journal_mode");

#define ACCOUNTS 100

static sqlite3 *db;

static int number(void *arg, int n, char **value, char **name)
{
	(void)n;
	(void)name;
	*(long long *)arg = value[0] ? atoll(value[0]) : 0;
	return 0;
}

static int same_text(void *arg, int n, char **value, char **name)
{
	(void)n;
	(void)name;
	return value[0] && strcmp(value[0], arg);
}

static void run(const char *sql, int (*row)(void *, int, char **, char **),
		void *arg)
{
	char *error = NULL;

	if (sqlite3_exec(db, sql, row, arg, &error)) {
		printf("sqlite: %s: %s\n", sql, error ? error : "?");
		exit(1);
	}
}

static void prepare(void)
{
	char sql[64];

	if (sqlite3_open("/data/ledger.db", &db)) {
		printf("sqlite: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	snprintf(sql, sizeof(sql), "pragma journal_mode = %s", journal);
	run(sql, NULL, NULL);
	/*
	 * "full" would do with a write-ahead log; with a rollback journal a
	 * transaction is committed when that is removed, and only "extra"
	 * makes its removal durable.
	 */
	run("pragma synchronous = extra", NULL, NULL);
	run("begin;"
	    "create table if not exists account(id integer primary key,"
	    " money integer);"
	    "create table if not exists move(n integer primary key,"
	    " a integer, b integer, money integer);"
	    "insert or ignore into account"
	    " with recursive c(x) as (select 0 union all select x + 1 from c"
	    " where x < 99) select x, 1000 from c;"
	    "commit",
	    NULL, NULL);
}

/* What all runs together have left is whole. */
static long long check(void)
{
	long long money, moves, last;

	run("pragma integrity_check", same_text, "ok");
	run("select sum(money) from account", number, &money);
	run("select count(*) from move", number, &moves);
	run("select max(n) from move", number, &last);
	if (money != ACCOUNTS * 1000 || moves != last) {
		printf("sqlite: %lld moves, the last %lld, money %lld\n", moves,
		       last, money);
		exit(1);
	}
	return moves;
}

int main(void)
{
	long long n;

	prepare();
	n = check();
	printf("found %lld moves\n", n);
	fflush(stdout);
	for (int64_t i = 0; i != rounds; i++) {
		int a = rand() % ACCOUNTS, b = rand() % ACCOUNTS;
		int money = rand() % 100;
		char sql[400];

		snprintf(sql, sizeof(sql),
			 "begin;"
			 "update account set money = money - %d where id = %d;"
			 "update account set money = money + %d where id = %d;"
			 "insert into move values(%lld, %d, %d, %d);"
			 "commit",
			 money, a, money, b, ++n, a, b, money);
		run(sql, NULL, NULL);
		printf("committed %lld\n", n);
		fflush(stdout);
	}
	check();
	return sqlite3_close(db);
}
