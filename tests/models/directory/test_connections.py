"""Credentials of directories, and lists that are connected to one."""

import re
from typing import Any

import pytest

from models import connection as links
from models import database, guard, master_list, organisation, token
from models.database import Connection, Cursor
from models.directory import connections, schedules, syncs
from models.directory.connections import Wanted
from models.directory.schedule import Schedule
from models.directory.syncs import Group, Scope
from models.errors import PlanTooLow, Refused, Taken, Unknown
from models.guard import Guard

TENANT, CLIENT = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"
NORTH = Wanted("North", TENANT, CLIENT)
EVERYBODY = Scope(None)
BY = "ops@north.example"


@pytest.fixture
def north(connection: Connection) -> str:
    """An organisation on Pro."""
    with database.transaction(connection) as cursor:
        return organisation.ensure(cursor, "North School", "pro")


@pytest.fixture
def staff(connection: Connection, north: str) -> str:
    """A list of it."""
    with database.transaction(connection) as cursor:
        return master_list.create(cursor, north, "Staff")


def added(cursor: Cursor, north: str, wanted: Wanted = NORTH) -> str:
    return connections.add(cursor, north, "pro", wanted, b"sealed", BY)


def connected(cursor: Cursor, north: str, staff: str, **more: Any) -> str:
    connection_id = added(cursor, north)
    scope, schedule = more.get("scope", EVERYBODY), more.get("schedule", Schedule())
    syncs.connect(cursor, north, staff, connection_id, "userName", scope, schedule, BY)
    return connection_id


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted("", TENANT, CLIENT), "needs a name"),
        (Wanted("North", "my tenant", CLIENT), "Tenant ID 'my tenant' is neither a GUID nor a domain name"),
        (Wanted("North", TENANT, "app"), "Client ID 'app' is no GUID"),
    ],
)
def test_what_cannot_be_is_refused(connection: Connection, north: str, wanted: Wanted, sentence: str) -> None:
    with database.transaction(connection) as cursor, pytest.raises(Refused, match=sentence):
        added(cursor, north, wanted)


def test_domains_are_tenants_and_white_space_is_nobodys(connection: Connection, north: str) -> None:
    with database.transaction(connection) as cursor:
        one = connections.find(cursor, north, added(cursor, north, Wanted(" North ", " north.example ", f"{CLIENT} ")))

    assert (one.name, one.tenant_id, one.client_id) == ("North", "north.example", CLIENT)


def test_a_secret_id_is_no_secret() -> None:
    assert connections.check_secret(" 8Q~abc ") == "8Q~abc"
    with pytest.raises(Refused, match="Secret ID"):
        connections.check_secret(CLIENT)
    with pytest.raises(Refused, match="missing"):
        connections.check_secret("  ")


def test_a_plan_below_pro_has_no_connections(connection: Connection, north: str) -> None:
    with database.transaction(connection) as cursor, pytest.raises(PlanTooLow, match="needs the Pro"):
        connections.add(cursor, north, "free", NORTH, b"", BY)


def test_names_are_an_organisations_own(connection: Connection, north: str) -> None:
    with database.transaction(connection) as cursor:
        added(cursor, north)
        other = organisation.ensure(cursor, "South School", "pro")
        connections.add(cursor, other, "pro", NORTH, b"", BY)
        with pytest.raises(Taken, match="called 'North'"):
            added(cursor, north)


def test_another_organisations_connection_is_not_found(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection) as cursor:
        other = organisation.ensure(cursor, "South School", "pro")
        theirs = connections.add(cursor, other, "pro", NORTH, b"", BY)
        for act in (
            lambda: connections.find(cursor, north, theirs),
            lambda: connections.remove(cursor, north, theirs),
            lambda: connections.change(cursor, north, theirs, NORTH, None),
            lambda: syncs.connect(cursor, north, staff, theirs, "userName", EVERYBODY, Schedule(), BY),
            lambda: connections.find(cursor, north, "not an id"),
        ):
            with pytest.raises(Unknown):
                act()


def test_a_connection_that_a_list_uses_stays(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        connection_id = connected(cursor, north, staff)

        with pytest.raises(Taken, match="Staff is synced through this connection"):
            connections.remove(cursor, north, connection_id)
        with pytest.raises(Taken, match="Staff is synced from this tenant"):
            connections.change(cursor, north, connection_id, Wanted("North", "other.example", CLIENT), None)
        connections.change(cursor, north, connection_id, Wanted("Northern", TENANT.upper(), CLIENT), b"new")
        one = connections.find(cursor, north, connection_id)

    assert (one.name, one.secret, list(one.used_by)) == ("Northern", b"new", ["Staff"])


def test_connecting_makes_mappings_and_switches_the_guard_on(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        guard.save(cursor, staff, Guard(enabled=False, percent=30, at_least=10))
        connected(cursor, north, staff)
        details = links.details(cursor, staff)
        present = guard.of_list(cursor, staff)

    assert details is not None
    assert (details.provider, details.state, details.mapped) == ("directory", "connected", 9)
    assert (present.enabled, present.percent, present.at_least) == (True, 30, 10)


def test_a_list_has_one_provider(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        organisation.ensure(cursor, "North School", "business")
        connected(cursor, north, staff)
        with pytest.raises(Refused, match=re.escape("connected to Directory Sync (Entra ID) already")):
            links.connect(cursor, staff, "userName", BY)
        with pytest.raises(Refused, match="Directory Sync, which needs no token"):
            token.issue(cursor, staff, "", None, BY)


def test_a_list_with_scim_takes_no_directory(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        organisation.ensure(cursor, "North School", "business")
        links.connect(cursor, staff, "userName", BY)
        with pytest.raises(Refused, match="connected to Automated User Provisioning already"):
            connected(cursor, north, staff)


@pytest.mark.parametrize("scope", [Scope(()), Scope(tuple(Group(str(number), "") for number in range(501)))])
def test_a_scope_holds_somebody_and_not_too_many_groups(
    connection: Connection, north: str, staff: str, scope: Scope
) -> None:
    with database.transaction(connection, [staff]) as cursor, pytest.raises(Refused, match="choose"):
        connected(cursor, north, staff, scope=scope)


def test_a_scheduled_run_is_begun_once_and_missed_ones_are_one(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        connected(cursor, north, staff, schedule=Schedule(15))
        assert schedules.due(cursor) == []
        cursor.execute("update directory_sync set next_at = now() - interval '3 days'")
        assert schedules.due(cursor) == [staff]

        first, second = schedules.begin(cursor, staff), schedules.begin(cursor, staff)

        assert (first is not None, second, schedules.due(cursor)) == (True, None, [])


def test_a_scheduled_run_waits_for_a_plan_that_includes_it(connection: Connection, north: str, staff: str) -> None:
    with database.transaction(connection, [staff]) as cursor:
        connected(cursor, north, staff, schedule=Schedule(15))
        cursor.execute("update directory_sync set next_at = now() - interval '1 minute'")
        organisation.ensure(cursor, "North School", "free")

        assert schedules.begin(cursor, staff) is None
        assert schedules.due(cursor) == []
