"""What is watched over all lists at once, for gauges and alerts."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WATCH = """
-- Tokens that expire within so many days, and have been used; holds that wait for an operator.
create function muster_watch() returns table (name text, within_days integer, value double precision)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select 'tokens_expiring', d.days, count(t.id)::double precision from unnest(array[3, 14, 30]) d (days)
         left join bearer_token t on t.revoked_at is null and t.last_used_at is not null
           and t.expires_at between now() and now() + make_interval(days => d.days) group by d.days
       union all select 'held', null, count(*) from person where held_seq is not null
       union all select 'held_oldest_seconds', null, coalesce(extract(epoch from now() - min(held_at)), 0) from person
         where held_seq is not null
       union all select 'connections', null, count(*) from connection where state = 'connected' $$;
-- Of the lists with the most waiting: when a change was last applied, as seconds since 1970 (0: never), and how
-- many wait; 10,000 at most are counted.
create function muster_watch_lists(most integer)
    returns table (list_id text, applied double precision, pending double precision)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select c.list_id, coalesce(extract(epoch from (select e.applied_at from log_entry e where e.list_id = c.list_id
         and e.applied_at is not null order by e.at desc limit 1)), 0)::double precision,
         c.pending::double precision
       from (select c.list_id, (select count(*) from (select from journal j where j.list_id = c.list_id limit 10000) j)
         pending from connection c where c.state = 'connected' order by 2 desc, 1 limit most) c $$;
revoke execute on function muster_watch, muster_watch_lists from public;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(WATCH)
