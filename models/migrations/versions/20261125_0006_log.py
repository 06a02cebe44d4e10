"""How long the log is kept, and what its pages look along."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '5s'")
