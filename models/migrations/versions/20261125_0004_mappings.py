"""Mappings that are saved, and lists that are mapped again."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JOBS = """
-- The progress of the newest job, which an open page asks for every second.
create index job_latest on job (list_id, kind, created_at desc);
-- What the sweep looks for, every second: jobs that are not finished.
create index job_open on job (created_at) where finished_at is null;
-- A job that has just been made is left to its nudge for two seconds.
create function muster_idle_jobs(silent interval) returns table (list_id text, id uuid, kind text)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id, id, kind from job where finished_at is null and created_at < clock_timestamp() - interval '2 s'
       and (heartbeat_at is null or heartbeat_at < clock_timestamp() - silent) order by created_at $$;
revoke execute on function muster_idle_jobs from public;
"""


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '1s'")
    op.get_bind().exec_driver_sql(JOBS)
