"""Which column fills what."""

import pytest

from models.errors import Refused
from models.imports import matching
from models.imports.matching import Matching
from models.mapping import Field
from models.master_list import UID_FIELD


def fields(*labels: str) -> list[Field]:
    return [UID_FIELD, *(Field(label.lower().replace(" ", "_"), label, "text") for label in labels)]


STAFF = fields("First Name", "Last Name", "Email", "Phone", "Job Title", "Department")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["UID", "First Name", "Email"], ["uid", "first_name", "email"]),
        (["Staff ID", "Given name", "Surname", "Tel."], ["uid", "first_name", "last_name", "phone"]),
        (["E-Mail Address", "ID"], ["email", "uid"]),
        (["Personnel No.", "FIRST_NAME", "dept", "Position"], ["uid", "first_name", "department", "job_title"]),
        (["Username", "Employee no", "Active"], ["", "uid", "@status"]),
        (["Email", "E-mail", "Wibble"], ["email", "", ""]),
        (["Modified", "UID"], ["", "uid"]),
        (["id", "UID"], ["", "uid"]),
        (["last_name", "Last Name"], ["", "last_name"]),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_label_key_and_other_names(columns: list[str], expected: list[str]) -> None:
    assert list(matching.guess(columns, STAFF).targets) == expected


def test_a_number_that_the_list_has_a_field_for_fills_it_and_is_no_uid() -> None:
    own = fields("Employee Number", "Username")

    assert matching.guess(["Staff No", "Login"], own).targets == ("employee_number", "username")
    assert matching.guess(["Staff No", "Login", "ID"], own).targets == ("employee_number", "username", "uid")


def test_what_an_identity_provider_takes_uids_from_is_the_uid_rather_than_the_field_of_its_name() -> None:
    own = fields("Employee Number", "Username", "Email")

    assert matching.guess(["Staff No", "Mail"], own, "employeeNumber").targets == ("uid", "email")
    assert matching.guess(["Staff No", "UPN"], own, "userName").targets == ("employee_number", "uid")
    assert matching.guess(["Staff No", "E-mail"], own, "email").targets == ("employee_number", "uid")
    assert matching.guess(["Staff No", "UID", "UPN"], own, "userName").targets == ("employee_number", "uid", "username")
    assert matching.guess(["Badge", "Staff ID"], STAFF, "userName").targets == ("", "")


def test_a_field_called_status_is_not_the_persons() -> None:
    own = fields("Status", "Modified")

    assert matching.labels(own) == ("Person status", "Modified at")
    assert matching.guess(["UID", "Person status", "Status", "Modified", "Modified at"], own).targets == (
        "uid", "@status", "status", "modified", ""
    )  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (Matching(("uid",)), "the file has 2 columns, and 1 are matched"),
        (Matching(("uid", "gone")), "column 'B' is matched to a field that the list does not have"),
        (Matching(("uid", "uid")), "columns 'A' and 'B' are both matched to UID"),
        (Matching(("", "email")), "no column is matched to the UID"),
        (Matching(("uid", ""), "year"), "not as 'year'"),
    ],
)
def test_what_cannot_be_is_refused(chosen: Matching, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        matching.check(chosen, ["A", "B"], STAFF)
