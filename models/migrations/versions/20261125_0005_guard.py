"""The guard against waves of deactivations (product rule V9)."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

GUARD = """
-- A list without a row has no guard.
create table guard (
    list_id text primary key references master_list, enabled boolean not null, percent smallint not null,
    at_least integer not null,
    constraint guard_percent_check check (percent between 1 and 100),
    constraint guard_at_least_check check (at_least >= 1));
-- Who was deactivated within the last hour, written only while the guard is on: the log cannot be counted
-- instead, for it is kept by time of acceptance, purged, and also tells of people who were inactive already.
create table deactivation (
    list_id text not null, person_id uuid not null, at timestamptz not null default clock_timestamp(),
    primary key (list_id, person_id));
-- The sliding hour: its count, and what has left it.
create index deactivation_at on deactivation (list_id, at);
"""

PEOPLE = """
-- With held_seq, the key of the waiting entry in the partitioned log.
alter table person add column held_at timestamptz;
-- Held deactivations, oldest first; nearly empty.
create index person_held on person (list_id, held_seq) where held_seq is not null;
"""


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '1s'")
    for part in (GUARD, PEOPLE):
        op.execute(part)
