"""Which organisation is a demonstration, whose lists a simulated identity provider may fill."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark none."""
    op.execute("set local lock_timeout = '1s'")
    op.execute("alter table organisation add column demo boolean not null default false")
