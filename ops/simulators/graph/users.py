"""The users of a simulated tenant: employees that follow from their numbers, and what was changed of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from ops.simulators.graph.exchange import Refused
from ops.simulators.people import Employee

OF_A_SEED = 1_000_000  # numbers of employees, which everything about them follows from
REPORTS = 8  # people that a manager has
CHANGED, DELETED = "changed", "deleted"  # reasons of `@removed`: restorable, or gone

# What users/delta and /users/{id} give where nothing is selected.
DEFAULTS = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip
_COLLECTIONS = ("businessPhones", "otherMails", "proxyAddresses", "imAddresses", "assignedLicenses")
_OTHERS = (
    "accountEnabled", "ageGroup", "city", "companyName", "consentProvidedForMinor", "country", "createdDateTime",
    "creationType", "department", "employeeHireDate", "employeeId", "employeeLeaveDateTime", "employeeOrgData",
    "employeeType", "externalUserState", "faxNumber", "legalAgeGroupClassification", "mailNickname",
    "onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesExtensionAttributes", "onPremisesImmutableId",
    "onPremisesLastSyncDateTime", "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName", "postalCode", "preferredDataLocation", "securityIdentifier", "showInAddressList",
    "state", "streetAddress", "usageLocation", "userType",
)  # fmt: skip
PROPERTIES = frozenset((*DEFAULTS, *_COLLECTIONS, *_OTHERS))
_EMPTY: dict[str, Any] = {name: [] for name in _COLLECTIONS} | {
    "onPremisesExtensionAttributes": {f"extensionAttribute{number}": None for number in range(1, 16)}
}


def check_select(names: Iterable[str], known: frozenset[str], kind: str) -> None:
    """Refused where a name is none of the type's; directory extensions have names of their own."""
    for name in names:
        if name not in known and not name.startswith("extension_"):
            raise Refused(
                400, "BadRequest",
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type"
                f" 'microsoft.graph.{kind}'.",
            )  # fmt: skip


def check_given(properties: dict[str, Any]) -> None:
    """TypeError for a property that a user does not have, which would be seen by nobody."""
    if unknown := {name for name in properties if name not in PROPERTIES and not name.startswith("extension_")}:
        raise TypeError(f"a user of Graph's has no {', '.join(sorted(unknown))}")


class Users:
    """By number, from 0; `removed` says why somebody is no longer there."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = self.computed = count  # all numbers so far, those of removed users too
        self.removed: dict[int, str] = {}
        self._seed = seed
        self._changed: dict[int, dict[str, Any]] = {}
        self._managers: dict[int, str | None] = {}
        self._ids: dict[int, str] = {}  # of users that came with an id
        self._numbers: dict[str, int] = {}
        self._prefix = f"{0xA0000000 + seed:08x}-0000-4000-8000-"

    def id(self, number: int) -> str:
        """The object id."""
        return self._ids.get(number) or f"{self._prefix}{number:012x}"

    def number(self, user_id: str) -> int | None:
        """Whose id it is, whether removed or not."""
        if user_id in self._numbers:
            return self._numbers[user_id]
        prefix, digits = user_id[:-12], user_id[-12:]
        if prefix != self._prefix or not set(digits) <= set("0123456789abcdef"):
            return None
        number = int(digits, 16)
        return number if number < self.count and number not in self._ids else None

    def present(self) -> Iterator[int]:
        """The numbers of everybody who is there."""
        return (number for number in range(self.count) if number not in self.removed)

    def add(self, properties: dict[str, Any]) -> int:
        """Somebody new, by number."""
        check_given(properties)
        number = self.count
        self.count += 1
        if given := properties.pop("id", None):
            self._ids[number], self._numbers[given] = given, number
        self._changed[number] = properties
        return number

    def change(self, number: int, properties: dict[str, Any]) -> None:
        """Properties set."""
        check_given(properties)
        self._changed[number] = self._changed.get(number, {}) | properties

    def properties(self, number: int) -> dict[str, Any]:
        """Everything that is not empty, and the id."""
        base = self._computed(number) if number < self.computed else {}
        return base | self._changed.get(number, {}) | {"id": self.id(number)}

    def _computed(self, number: int) -> dict[str, Any]:
        employee = Employee.of(self._seed * OF_A_SEED + number, "entra")
        return {
            "accountEnabled": True, "userType": "Member", "userPrincipalName": employee.user_name,
            "displayName": f"{employee.given} {employee.family}", "givenName": employee.given,
            "surname": employee.family, "mail": employee.user_name, "jobTitle": employee.title,
            "employeeId": f"E{employee.number:06d}", "department": employee.department, "companyName": "North",
            "businessPhones": [f"+44 1632 {960000 + number % 1000}"], "preferredLanguage": "en-GB", "country": "GB",
            "mailNickname": employee.user_name.partition("@")[0],
        }  # fmt: skip

    def shown(self, number: int, select: Iterable[str]) -> dict[str, Any]:
        """The selected properties, null or [] where they are empty; the id always."""
        properties = self.properties(number)
        return {"id": properties["id"]} | {name: _value(properties, name) for name in select}

    def manager(self, number: int) -> str | None:
        """The manager's id, who is there."""
        if number in self._managers:
            found = self._managers[number]
        else:
            found = self.id(number // REPORTS) if 0 < number < self.computed else None
        there = self.number(found) if found else None
        return None if there is None or there in self.removed else found

    def reports(self, number: int) -> Iterator[int]:
        """Whom somebody manages, or would if they were there."""
        usual = range(max(1, number * REPORTS), min((number + 1) * REPORTS, self.computed))
        yield from (one for one in usual if one not in self._managers)
        yield from (one for one, manager_id in self._managers.items() if manager_id == self.id(number))

    def set_manager(self, number: int, manager_id: str | None) -> None:
        """Whom somebody reports to."""
        self._managers[number] = manager_id


def _value(properties: dict[str, Any], name: str) -> Any:
    value = properties.get(name)
    if name == "onPremisesExtensionAttributes":
        return _EMPTY[name] | (value or {})
    return _EMPTY.get(name) if value is None else value
