"""Directory Sync over all lists at once, for gauges and alerts."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

GAUGES = """
-- Lists that are synced; those whose last run that came to an end of its own failed (a preview changes nothing, and one
-- that was stopped says nothing); and for how many seconds the most overdue one waits to be begun.
create function muster_sync_gauges() returns table (name text, value double precision)
    language sql stable security definer set search_path = public, pg_temp as
    $$ with synced as (select s.list_id, s.next_at from directory_sync s join connection c on c.list_id = s.list_id
         where c.provider = 'directory' and c.state = 'connected')
       select 'syncs', count(*)::double precision from synced
       union all select 'syncs_failing', count(*) from synced s where (select j.state from job j
         where j.list_id = s.list_id and j.kind = 'directory' and j.state in ('done', 'failed')
         and not coalesce((j.progress->>'preview')::boolean, false) order by j.created_at desc limit 1) = 'failed'
       union all select 'syncs_overdue_seconds',
         greatest(0, coalesce(extract(epoch from clock_timestamp() - min(next_at)), 0)) from synced $$;
revoke execute on function muster_sync_gauges from public;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(GAUGES)
