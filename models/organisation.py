"""Organisations and what their plans allow (product rules P1, P2)."""

from models.database import Cursor
from models.errors import PlanTooLow, Refused, Unknown
from models.text import new_id

PLANS = ("free", "pro", "business", "enterprise")
SCIM_PLANS = ("business", "enterprise")
DIRECTORY_PLANS = ("pro", *SCIM_PLANS)
NEEDS_BUSINESS = "Automated User Provisioning needs the Business or Enterprise plan"
NEEDS_PRO = "Directory Sync needs the Pro, Business or Enterprise plan"
SCIM, DIRECTORY = "scim", "directory"  # the providers
_NEEDS = {SCIM: (SCIM_PLANS, NEEDS_BUSINESS), DIRECTORY: (DIRECTORY_PLANS, NEEDS_PRO)}


def require(plan: str, provider: str) -> None:
    """PlanTooLow where the plan does not include a provider."""
    plans, sentence = _NEEDS[provider]
    if plan not in plans:
        raise PlanTooLow(f"{sentence}; this organisation is on {plan.capitalize()}")


def mark_demo(cursor: Cursor, organisation_id: str) -> None:
    """Let a simulated identity provider fill the organisation's lists."""
    cursor.execute("update organisation set demo = true where id = %s", (organisation_id,))


def names(cursor: Cursor) -> dict[str, str]:
    """All organisations: their names by id."""
    cursor.execute("select id::text, name from organisation")
    return dict(cursor.fetchall())


def named(cursor: Cursor, name: str) -> str:
    """The id of the organisation with this name."""
    cursor.execute("select id::text from organisation where name = %s", (name,))
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no organisation is called '{name}'")
    return str(row[0])


def plan_of(cursor: Cursor, organisation_id: str) -> str:
    """The plan of an organisation."""
    cursor.execute("select plan from organisation where id = %s", (organisation_id,))
    row = cursor.fetchone()
    assert row
    return str(row[0])


def of_list(cursor: Cursor, list_id: str) -> str:
    """The id of the organisation that a list belongs to."""
    cursor.execute("select organisation_id::text from master_list where id = %s", (list_id,))
    row = cursor.fetchone()
    assert row
    return str(row[0])


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
