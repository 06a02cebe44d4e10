"""Directory Sync: connections to Microsoft Graph, how a list is pulled, and what was pulled and is not applied yet."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DIRECTORY = """
-- Runs are jobs, which know how to be claimed, resumed and watched.
drop table directory_run;
alter table directory_connection add column cloud text not null default 'global',
    add column created_by text not null default '', add constraint directory_connection_name_key
    unique (organisation_id, name);
-- When a job that waits (for Microsoft's quota, say) is to be gone on with.
alter table job add column not_before timestamptz;
-- One run of a list at a time, however many ask for it.
create unique index job_directory on job (list_id) where kind = 'directory' and finished_at is null;
create or replace function muster_idle_jobs(silent interval) returns table (list_id text, id uuid, kind text)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id, id, kind from job where finished_at is null and created_at < clock_timestamp() - interval '2 s'
       and (heartbeat_at is null or heartbeat_at < clock_timestamp() - silent)
       and (not_before is null or not_before <= clock_timestamp()) order by created_at $$;
-- The run whose deactivations are held, all of them (V9).
alter table guard add column holding text;

create table directory_sync (
    list_id text primary key references master_list, directory_connection_id uuid not null references
    directory_connection, groups jsonb, guests boolean not null, every_minutes smallint, at_minute smallint,
    time_zone text not null, next_at timestamptz, round integer not null default 0,
    position jsonb not null default '{}');
-- A connection is removed only when no list uses it.
create index directory_sync_connection on directory_sync (directory_connection_id);
-- What the sweep looks for every second.
create index directory_sync_due on directory_sync (next_at) where next_at is not null;

-- Who is in the chosen groups, as Graph tells it; `fetched` when the user's own properties were read since.
create table directory_member (
    list_id text not null, object_id text not null, group_id text not null, round integer not null,
    fetched boolean not null, primary key (list_id, object_id, group_id));
-- Whose properties are to be read.
create index directory_member_unread on directory_member (list_id, object_id) where not fetched;

-- What was pulled and is not in `identity` yet, the last word about each user.
create table directory_change (
    list_id text not null, object_id text not null, round integer not null, kind text not null, document jsonb,
    body text, uid_key text, user_name_key text, active boolean not null, manager_due boolean not null default false,
    failed integer not null default 0, error text, primary key (list_id, object_id));
-- The order in which they are applied: who leaves gives a user name up before another takes it.
create index directory_change_order on directory_change (list_id, failed, kind, active, object_id);
-- Whose manager is to be asked for.
create index directory_change_manager on directory_change (list_id, object_id) where manager_due;

create function muster_due_syncs() returns setof text
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id from directory_sync where next_at <= clock_timestamp() order by next_at limit 100 $$;
revoke execute on function muster_due_syncs from public;
"""


def upgrade() -> None:
    """Add the tables; nothing was in the one that goes."""
    op.execute("set local lock_timeout = '1s'")
    op.get_bind().exec_driver_sql(DIRECTORY)
