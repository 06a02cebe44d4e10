"""How long the log is kept, and what its pages look along."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PAGES = """
-- One entry by its id: its page, a retry, a held deactivation.
create index log_entry_id on log_entry (list_id, id);
-- Filters by operation, result or both, and the counts of the last day, all along one index: what is
-- rare is found as fast as what is common. It takes the place of two that answered one filter each.
create index log_entry_kind on log_entry (list_id, operation, result, at desc, id desc);
drop index log_entry_operation;
drop index log_entry_result;
"""

RETENTION = """
alter table master_list add column log_days smallint not null default 90
    constraint master_list_log_days_check check (log_days between 1 and 365);
-- What the sweep purges, of any list. An entry on whose account an identity waits is not over, and stays.
create function muster_log_overdue() returns table (list_id text, log_days smallint)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select l.id, l.log_days from master_list l cross join lateral (select from log_entry e where e.list_id = l.id
       and e.at < now() - make_interval(days => l.log_days) and not e.waits order by e.at limit 1) e $$;
-- Months that are over for every list, once they are empty.
create function muster_log_drop_empty() returns void
    language plpgsql security definer set search_path = public, pg_temp as
    $$ declare month date; name text; filled boolean; begin
         for n in 13..24 loop
           month := (date_trunc('month', now() at time zone 'utc') - make_interval(months => n))::date;
           name := 'log_entry_' || to_char(month, 'YYYY_MM');
           if to_regclass(name) is not null then
             execute format('select exists (select from %I)', name) into filled;
             if not filled then
               execute format('drop table %I', name);
             end if;
           end if;
         end loop; end $$;
revoke execute on function muster_log_overdue, muster_log_drop_empty from public;
"""


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '1s'")
    for part in (PAGES, RETENTION):
        op.execute(part)
