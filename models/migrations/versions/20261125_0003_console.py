"""What the console looks through: people by any of their words, the log by person, result and operation."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PEOPLE = """
-- Trusted since PostgreSQL 13: the owner of the database may create them.
create extension if not exists pg_trgm;
create extension if not exists btree_gin;
-- Qualified: an index is built with no schema in the search path.
create function muster_person_text(uid text, fields jsonb) returns text language sql immutable parallel safe as
    $$ select public.muster_key(uid || ' '
        || coalesce((select string_agg(e.value, ' ') from jsonb_each_text(fields) e), '')) $$;
-- Kept, and not only indexed: to look at the candidates of a search again cost 0.1 ms each, 880 ms for a common name.
alter table person add column search text generated always as (muster_person_text(uid, fields)) stored;
-- The search for people: any part of the UID or of a value.
create index person_text on person using gin (list_id, search gin_trgm_ops);
-- Leavers, who are few, in the order of the table.
create index person_inactive on person (list_id, uid_key) where not active;
"""

LOG = """
-- One person's entries, newest first.
create index log_entry_person on log_entry (list_id, person_id, at desc, id desc) where person_id is not null;
-- Filters by result and by operation; what nearly every entry has is found without.
create index log_entry_result on log_entry (list_id, result, at desc, id desc) where result <> 'applied';
create index log_entry_operation on log_entry (list_id, operation, at desc, id desc) where operation <> 'update';
-- An administrator quotes the request id of an answer.
create index log_entry_request on log_entry (list_id, request_id text_pattern_ops);
-- People who are in no list yet, by the beginning of their user name.
create index log_entry_stranger on log_entry (list_id, lower(user_name) text_pattern_ops, at desc)
    where person_id is null;
"""

# What operators did, for whoever has to explain it later.
AUDIT = """
create table audit_entry (
    id uuid primary key, organisation_id uuid not null references organisation, list_id text,
    at timestamptz not null default clock_timestamp(), operator text not null, action text not null,
    detail text not null default '');
create index audit_entry_list on audit_entry (list_id, at desc);
"""


def upgrade() -> None:
    """Add what pages need."""
    op.execute("set local lock_timeout = '1s'")
    for part in (PEOPLE, LOG, AUDIT):
        op.get_bind().exec_driver_sql(part)
