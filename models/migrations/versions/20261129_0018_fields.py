"""Fields that operators change: which version of a list's schema it is, and keys that are not given again."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FIELDS = """
-- Of removed fields, values may be left anywhere: a key is never another field's.
alter table master_list add column schema_version integer not null default 1,
    add column retired_fields text[] not null default '{}';
-- Values are changed by one job at a time, so that each finds them as the one before left them.
create unique index job_fields on job (list_id) where kind = 'fields' and finished_at is null;
"""


def upgrade() -> None:
    """Add both."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(FIELDS)
