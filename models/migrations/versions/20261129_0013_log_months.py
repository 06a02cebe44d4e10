"""Months of the log are made and dropped without a queue behind somebody's long transaction."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# CREATE TABLE … PARTITION OF would lock the whole log against everybody, and whoever writes would wait behind it while
# it waits. ATTACH lets everybody go on with the log, and waits for the default partition alone: for 100 ms, which is
# what somebody who reads all of the log waits at the worst. Rows that have come before their month are moved into it.
MONTHS = """
create function muster_log_month(month date) returns boolean
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' set timezone = 'UTC'
    as $$ declare
      first date := date_trunc('month', month)::date;
      after date := (first + interval '1 month')::date;
      name text := 'log_entry_' || to_char(first, 'YYYY_MM');
    begin
      if to_regclass(name) is not null then
        return false;
      end if;
      lock table log_entry_other in access exclusive mode;
      execute format('create table %I (like log_entry including all)', name);
      execute format('with moved as (delete from log_entry_other where at >= %L and at < %L returning *)'
        ' insert into %I select * from moved', first, after, name);
      execute format('alter table log_entry attach partition %I for values from (%L) to (%L)',
        name, first::text || ' 00:00+00', after::text || ' 00:00+00');
      return true;
    end $$;
create or replace function muster_log_partitions(months integer) returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$ begin
      for n in 0..months loop
        perform muster_log_month((date_trunc('month', now() at time zone 'utc') + make_interval(months => n))::date);
      end loop;
    end $$;
"""

# Looked at twice: without a lock, for the log would be locked every hour for a month that is not empty; and with it,
# for a row may have come. Waiting, it holds writers up: for 100 ms. (DETACH … CONCURRENTLY is refused where there is a
# default partition.)
OVER = """
create or replace function muster_log_drop_empty() returns void
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
    as $$ declare name text; filled boolean; begin
      for n in 13..24 loop
        name := 'log_entry_' || to_char(date_trunc('month', now() at time zone 'utc') - make_interval(months => n),
          'YYYY_MM');
        continue when to_regclass(name) is null;
        execute format('select exists (select from %I)', name) into filled;
        continue when filled;
        lock table only log_entry in access exclusive mode;
        execute format('select exists (select from %I)', name) into filled;
        if not filled then
          execute format('drop table %I', name);
        end if;
      end loop;
    end $$;
revoke execute on function muster_log_month from public;
"""


def upgrade() -> None:
    """Replace the functions."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(MONTHS)
    op.execute(OVER)
