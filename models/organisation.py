"""Organisations and what their plans allow (product rules P1, P2)."""

from models.database import Cursor
from models.errors import Refused
from models.text import new_id

PLANS = ("free", "pro", "business", "enterprise")
SCIM_PLANS = ("business", "enterprise")
NEEDS_BUSINESS = "Automated User Provisioning needs the Business or Enterprise plan"


def ensure(cursor: Cursor, name: str, plan: str | None = None) -> str:
    """The id of the organisation called `name`, made if missing; `plan` changes its plan."""
    if plan is not None and plan not in PLANS:
        raise Refused(f"plan '{plan}' does not exist: choose one of {', '.join(PLANS)}")
    cursor.execute(
        "insert into organisation (id, name, plan) values (%s, %s, coalesce(%s, 'business'))"
        " on conflict (name) do update set plan = coalesce(%s, organisation.plan) returning id",
        (new_id(), name, plan, plan),
    )
    row = cursor.fetchone()
    assert row
    return str(row[0])
