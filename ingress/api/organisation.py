"""The organisation that a key belongs to."""

from typing import Annotated

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import operation
from models.organisation import DIRECTORY_PLANS, SCIM_PLANS

NOUN = "Organisation"


class Includes(Struct, kw_only=True):
    """What the plan has."""

    scim: Annotated[bool, Meta(description="Automated User Provisioning: an identity provider pushes.")]
    directory: Annotated[bool, Meta(description="Directory Sync: Muster pulls from Entra ID.")]


class Organisation(Struct, kw_only=True):
    """An organisation and its plan."""

    id: str
    name: str
    plan: Annotated[str, Meta(description="free, pro, business or enterprise.")]
    includes: Includes


SAMPLE = Organisation(
    id="0197a2c0-1111-7abc-8def-000000000001", name="North School", plan="business",
    includes=Includes(scim=True, directory=True),
)  # fmt: skip


@operation("GET", "/organisation", NOUN, SAMPLE)
def get_organisation(at: Desk) -> Organisation:
    """Read the organisation.

    Its name, its plan, and what of provisioning the plan includes.
    """
    caller = at.caller
    includes = Includes(scim=caller.plan in SCIM_PLANS, directory=caller.plan in DIRECTORY_PLANS)
    return Organisation(id=caller.organisation_id, name=caller.organisation, plan=caller.plan, includes=includes)


OPERATIONS = [get_organisation]
