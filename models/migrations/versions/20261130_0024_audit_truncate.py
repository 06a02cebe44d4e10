"""The audit log cannot be emptied by TRUNCATE either, which fires no trigger of a row."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KEPT = """
create trigger audit_log_kept before truncate on audit_entry
    for each statement execute function muster_audit_kept();
"""


def upgrade() -> None:
    """Add the trigger."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(KEPT)
