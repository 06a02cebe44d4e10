"""Requests of a minute, the bursts that they make, and the rhythm in which these come."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BURSTS = """
-- What ingress processes have counted, added up. Folded into bursts, and deleted, after two minutes.
create table traffic (
    list_id text not null, minute timestamptz not null, first_at timestamptz not null, last_at timestamptz not null,
    requests integer not null, changes integer not null, failed integer not null,
    answer_seconds double precision not null, slowest_seconds double precision not null,
    per_second integer[] not null, primary key (list_id, minute))
    with (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
-- A burst is what a connection sends without a pause of two minutes.
create table burst (
    list_id text not null, started_at timestamptz not null, ended_at timestamptz not null, open boolean not null,
    requests integer not null, changes integer not null, failed integer not null, peak_per_second integer not null,
    answer_seconds double precision not null, slowest_seconds double precision not null,
    applied_typical interval, applied_slowest interval, primary key (list_id, started_at));
create unique index burst_open on burst (list_id) where open;
-- How often a connection's bursts begin, where that is regular, and when the next is expected.
create table rhythm (
    list_id text not null primary key, period interval not null, expected_at timestamptz not null);
create function muster_traffic_lists() returns setof text
    language sql stable security definer set search_path = public, pg_temp as
    $$ select distinct list_id from traffic where minute < now() - interval '2 minutes'
       union select list_id from burst where open and ended_at < now() - interval '4 minutes' $$;
-- Half a period late, or ten minutes where that is more.
create function muster_quiet_lists() returns table (list_id text, expected_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select r.list_id, r.expected_at from rhythm r join connection c using (list_id) where c.state = 'connected'
       and r.expected_at + greatest(r.period / 2, interval '10 minutes') < now()
       and not exists (select from traffic t where t.list_id = r.list_id
                       and t.minute > r.expected_at - r.period / 2) $$;
-- Entra ID quarantines an application whose operations fail for the most part: more than 40 % of 5,000 in a cycle.
create function muster_at_risk() returns table (list_id text, requests integer, failed integer)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select b.list_id, b.requests, b.failed from burst b join connection c using (list_id)
       where c.state = 'connected' and b.ended_at > now() - interval '1 day'
       and b.failed >= 500 and b.failed > 0.3 * b.requests
       and not exists (select from burst n where n.list_id = b.list_id and n.started_at > b.started_at
                       and n.failed <= 0.1 * n.requests) $$;
revoke execute on function muster_traffic_lists, muster_quiet_lists, muster_at_risk from public;
"""


def upgrade() -> None:
    """Add them."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(BURSTS)
