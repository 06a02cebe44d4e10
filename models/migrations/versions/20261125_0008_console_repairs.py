"""What is not over stays in the log: held deactivations and rows that are set aside, however old they are."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OVERDUE = """
drop function muster_log_overdue();
-- Lists, of any organisation, with entries that are older than they are kept.
create function muster_log_overdue() returns table (list_id text)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select l.id from master_list l cross join lateral (select from log_entry e where e.list_id = l.id
       and e.at < now() - make_interval(days => l.log_days) and not e.waits and e.result <> 'waiting'
       and not exists (select from set_aside s where s.list_id = e.list_id and s.seq = e.id)
       order by e.at limit 1) e $$;
revoke execute on function muster_log_overdue from public;
"""


def upgrade() -> None:
    """Replace the look-up of what is overdue."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(OVERDUE)
