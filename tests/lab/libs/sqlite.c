/* SPDX-License-Identifier: ISC */
/* Debian's SQLite, unchanged: a file in RAM, an index, write-ahead log. */
#include <sqlite3.h>
#include <stdio.h>

static int row(void *arg, int n, char **value, char **name)
{
	(void)arg;
	(void)name;
	for (int i = 0; i < n; i++)
		printf("%s%s", value[i] ? value[i] : "-", i + 1 < n ? " " : "");
	puts("");
	return 0;
}

int main(void)
{
	char *error = NULL;
	sqlite3 *db;

	if (sqlite3_open("/tmp/test.db", &db))
		return 1;
	if (sqlite3_exec(db,
			 "create table t(a integer primary key, b text);"
			 "begin; with recursive c(x) as (select 1 union all"
			 " select x + 1 from c where x < 2000)"
			 " insert into t select x, 'row' || x from c; commit;"
			 "create index i on t(b);"
			 "select count(*), max(b) from t;"
			 "pragma journal_mode = wal;"
			 "insert into t values(5000, 'x');"
			 "select * from t where b = 'x';"
			 "pragma integrity_check;",
			 row, NULL, &error)) {
		printf("error: %s\n", error);
		return 1;
	}
	return sqlite3_close(db);
}
