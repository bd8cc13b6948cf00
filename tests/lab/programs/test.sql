create table t(a integer primary key, b text, c real);
begin;
with recursive n(x) as (select 1 union all select x + 1 from n where x < 2000)
  insert into t select x, 'row ' || x, sqrt(x) from n;
commit;
create index i on t(b);
pragma journal_mode = wal;
delete from t where a % 3 = 0;
select count(*), max(b), printf('%.3f', sum(c)) from t;
vacuum;
pragma integrity_check;
.tables
.indexes t
