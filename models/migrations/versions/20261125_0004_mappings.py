"""Mappings that are saved, and lists that are mapped again."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what it needs."""
    op.execute("set local lock_timeout = '5s'")
