"""The guard against waves of deactivations (product rule V9)."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '5s'")
