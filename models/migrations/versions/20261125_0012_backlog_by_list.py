"""The backlog by list, for whoever asks what waits."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BY_LIST = """
-- Those that have waited the longest; of each 10,000 rows at most are counted.
create function muster_backlog_lists(most integer)
    returns table (list_id text, name text, pending bigint, oldest double precision)
    language sql volatile security definer set search_path = public, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off as
    $$ select late.list_id, l.name,
              (select count(*) from (select from journal j where j.list_id = late.list_id limit 10000) j),
              extract(epoch from clock_timestamp() - late.since)::double precision
       from (select h.list_id, min(h.accepted_at) as since from muster_lane_heads() h
             group by h.list_id order by 2 limit most) late
       left join master_list l on l.id = late.list_id order by late.since $$;
revoke execute on function muster_backlog_lists from public;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(BY_LIST)
