"""People out of a file in a real browser: upload, matching, preview, run, the refused rows mended and brought again."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from models import master_list, organisation
from ops.browser import chromium
from tests.journeys.console import Console
from tests.journeys.system import Muster

pytestmark = [pytest.mark.journey, pytest.mark.needs("chromium"), pytest.mark.timeout(300)]

# Typed in Germany, saved by Excel: a line that names the separator, Windows-1252, semicolons, decimal commas, days
# first, a heading with a space that does not break, an empty column and an empty row, and somebody twice.
SINS = (
    'sep=;\r\nPersonnel No.;First\u00a0Name;Surname;E-mail address;Born;Height;House;;\r\n'
    '007;Jürgen;Groß;juergen@x.example;31.12.2001;1,85;red;;\r\n'
    '008;"Anna ""Änne""\r\nMaria";Weiß;anna@x.example;1.2.2003;;Blue;;\r\n'
    ';;;;;;;;\r\n'
    '007;Twice;Over;;;;;;\r\n'
    '009;Ole;Høj;no address;3.4.2005;1,7;Green;;\r\n'
).encode("cp1252")  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        assert opened is not None
        yield opened


def choir(muster: Muster, owner: str) -> str:
    """A list that nobody is in."""
    fields = [
        master_list.new_field(label, kind, options)
        for label, kind, options in (
            ("First Name", "text", ()), ("Last Name", "text", ()), ("Email", "email", ()), ("Born", "date", ()),
            ("Height", "number", ()), ("House", "dropdown", ("Red", "Blue")),
        )
    ]  # fmt: skip
    return muster.in_transaction(
        lambda cursor: master_list.create(cursor, organisation.ensure(cursor, owner, "business"), "Choir", fields)
    )


def signed_in(browser: Browser, muster: Muster, script: bool = True) -> tuple[Console, str]:
    """An operator of an organisation of its own, and its list."""
    owner = f"Imports {len(muster.rows('select from organisation'))}"
    list_id = choir(muster, owner)
    console = Console(browser, muster, script=script)
    console.sign_in(owner)
    return console, list_id


def test_a_file_with_typical_sins_goes_all_the_way(browser: Browser, muster: Muster, tmp_path: Path) -> None:
    console, list_id = signed_in(browser, muster)
    page, file = console.page, tmp_path / "Chor 2026.csv"
    file.write_bytes(SINS)
    console.open(f"/lists/{list_id}/people")
    page.get_by_role("link", name="Import").click()
    found = _looked_at(console, "no imports")
    page.get_by_role("link", name="Import a file").first.click()
    found += _looked_at(console, "upload")

    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Match the columns of Chor 2026.csv")).to_be_visible()
    found += _looked_at(console, "matching")
    for column, target in (
        ("Personnel No.", "uid"), ("First Name", "first_name"), ("Surname", "last_name"), ("E-mail address", "email")
    ):  # fmt: skip
        expect(page.get_by_label(f"What {column} fills")).to_have_value(target)
    expect(page.locator("#matching")).to_contain_text('Jürgen · Anna "Änne"')
    page.get_by_label("Dates such as").select_option("day")
    page.get_by_label("Decimals stand after a comma").check()
    page.get_by_role("button", name="Preview").click()

    expect(page.locator(".counts")).to_contain_text("2 New", timeout=30_000)
    expect(page.locator(".counts")).to_contain_text("2 Refused")
    expect(page.locator("#row-5")).to_contain_text("row 2 has the same UID")
    expect(page.locator("#row-6")).to_contain_text("'Green' is not one of its options (Red, Blue)")
    assert muster.people(list_id) == []
    found += _looked_at(console, "preview")
    page.get_by_role("link", name="Refused 2").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator("#import-run").click()

    expect(page.locator("#told-t")).to_contain_text("What came of it")
    expect(page.locator(".lead .pill")).to_contain_text("Imported", timeout=30_000)
    found += _looked_at(console, "result")
    assert muster.person(list_id, "007")["fields"] == {
        "First Name": "Jürgen", "Last Name": "Groß", "Email": "juergen@x.example", "Born": "2001-12-31",
        "Height": 1.85, "House": "Red",
    }  # fmt: skip
    assert muster.person(list_id, "008")["fields"]["First Name"] == 'Anna "Änne"\r\nMaria'

    with page.expect_download() as download:
        page.locator("#refused").click()
    mended = _mended(Path(download.value.path()).read_text("utf-8-sig"))
    (tmp_path / "mended.csv").write_text(mended, "utf-8-sig")
    page.get_by_role("link", name="Import another file").click()
    page.get_by_label("CSV file").set_input_files(tmp_path / "mended.csv")
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Dates such as").select_option("day")
    page.get_by_label("Decimals stand after a comma").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".counts")).to_contain_text("1 New", timeout=30_000)
    expect(page.locator(".counts")).to_contain_text("1 Changed")
    found += _looked_at(console, "second preview")
    page.locator("#import-run").click()
    expect(page.locator(".lead .pill")).to_contain_text("Imported", timeout=30_000)
    assert muster.person(list_id, "007")["fields"]["First Name"] == "Twice"
    assert muster.person(list_id, "009")["fields"]["House"] == "Blue"
    console.open(f"/lists/{list_id}/imports")
    expect(page.locator("tbody tr")).to_have_count(2)
    found += _looked_at(console, "imports")

    console.open(f"/lists/{list_id}/people")
    page.locator("#export-people").click()
    found += _looked_at(console, "export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [row["UID"] for row in rows] == ["007", "008", "009"]
    console.close()
    assert found == []


def _mended(text: str) -> str:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["Personnel No."], bool(row["Error"])) for row in rows] == [("007", True), ("009", True)]
    rows[1] |= {"E-mail address": "ole@x.example", "House": "blue"}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _looked_at(console: Console, name: str) -> list[str]:
    """What axe finds on a page as it stands, at each width and in both themes."""
    found = [f"{name}, {look}: {one}" for look in console.looks() for one in console.violations()]
    console.page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_without_script_a_file_is_imported_all_the_same(browser: Browser, muster: Muster, tmp_path: Path) -> None:
    console, list_id = signed_in(browser, muster, script=False)
    page, file = console.page, tmp_path / "a.csv"
    file.write_text("UID,First Name\n1,Ada\n")
    console.open(f"/lists/{list_id}/imports/new")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Preview").click()
    _reload_until(console, "1 New")
    page.get_by_role("button", name="Import", exact=True).click()
    _reload_until(console, "Imported")

    assert [one["uid"] for one in muster.people(list_id)] == ["1"]
    console.open(f"/lists/{list_id}/people/export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert "Ada" in Path(download.value.path()).read_text("utf-8-sig")
    console.close()


def _reload_until(console: Console, words: str) -> None:
    for _ in range(100):
        if console.page.get_by_text(words).count():
            return
        console.page.wait_for_timeout(100)
        console.page.reload()
    raise AssertionError(f"'{words}' never came")
