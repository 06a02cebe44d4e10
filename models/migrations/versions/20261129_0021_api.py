"""The admin API: its keys, and the answers that are kept for requests that are sent again."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

API = """
create table api_key (
    id uuid primary key, organisation_id uuid not null references organisation, digest bytea not null,
    prefix text not null unique, label text not null, scope text not null, created_by text not null,
    created_at timestamptz not null default now(), expires_at timestamptz, last_used_at timestamptz,
    last_used_address text, revoked_at timestamptz);
-- The page of an organisation's keys, newest first.
create index api_key_organisation on api_key (organisation_id, created_at desc);

create table api_replay (
    api_key_id uuid not null references api_key on delete cascade, route text not null, idempotency_key text not null,
    fingerprint bytea not null, status smallint not null, body text, headers jsonb not null,
    at timestamptz not null default clock_timestamp(), primary key (api_key_id, route, idempotency_key));
-- Which answers are too old to be kept.
create index api_replay_at on api_replay (at);
"""


def upgrade() -> None:
    """Add them."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(API)
