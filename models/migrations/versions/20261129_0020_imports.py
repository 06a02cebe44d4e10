"""Imports of people: the files that operators brought, their rows, and what became of each."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

IMPORTS = """
create table import (
    list_id text not null references master_list, id uuid not null, name text not null, state text not null,
    columns jsonb not null, matching jsonb, total integer not null, passed integer not null default 0,
    planned jsonb not null default '{}', counts jsonb not null default '{}', error text,
    created_by text not null, created_at timestamptz not null default now(), changed_at timestamptz not null
    default now(), kept boolean not null default true, primary key (list_id, id));
-- A list's imports, newest first.
create index import_newest on import (list_id, created_at desc);
-- Whose rows are to be purged one day.
create index import_kept on import (created_at) where kept;

create table import_row (
    list_id text not null, import_id uuid not null, number integer not null, cells jsonb not null, fault text,
    uid_key text, outcome text, detail jsonb, primary key (list_id, import_id, number));
-- Which row names a person first.
create index import_row_uid on import_row (list_id, import_id, uid_key, number);
-- A page of those that are refused, say.
create index import_row_outcome on import_row (list_id, import_id, outcome, number);

-- One import of a list at work at a time, however many ask for it.
create unique index job_import on job (list_id) where kind = 'import' and finished_at is null;

-- Lists, of any organisation, with imports whose rows are kept for longer than they should be.
create function muster_imports_overdue() returns table (list_id text)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select distinct list_id from import where kept and created_at < now() - interval '30 days'
       and state not in ('previewing', 'running') $$;
revoke execute on function muster_imports_overdue from public;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute("set local lock_timeout = '1s'")
    op.get_bind().exec_driver_sql(IMPORTS)
