"""Sessions: copies of a list's people at one moment, edited apart from the list."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SESSIONS = """
create table list_session (
    list_id text not null, id uuid not null, name text not null, name_key text not null, state text not null,
    fields jsonb not null, filter jsonb not null, taken integer not null, taken_by text not null,
    taken_at timestamptz not null default clock_timestamp(), state_by text, state_at timestamptz,
    primary key (list_id, id),
    constraint list_session_state_check check (state in ('open', 'closed', 'archived', 'deleting')));
-- A session is asked for by its name as well.
create unique index list_session_name on list_session (list_id, name_key);
-- `was` is what the snapshot had, kept from somebody's first change on: nearly all are as they were taken.
create table list_session_person (
    list_id text not null, session_id uuid not null, id uuid not null, uid text not null, uid_key text not null,
    active boolean not null, fields jsonb not null, search text not null, was jsonb,
    added boolean not null default false, removed boolean not null default false,
    changed boolean not null default false, version integer not null default 1, changed_by text, changed_at timestamptz,
    primary key (list_id, session_id, id));
-- A copy's people in order, and each UID once. There is none for its text: it would cost more than the snapshot
-- itself, and a search walks through 100,000 people in a tenth of a second.
create unique index list_session_person_uid on list_session_person (list_id, session_id, uid_key) where not removed;
-- Who was changed, removed people among them.
create index list_session_person_changed on list_session_person (list_id, session_id, uid_key) where changed;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(SESSIONS)
