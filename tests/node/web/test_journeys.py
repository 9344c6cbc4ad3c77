"""What people do at the pages, from signing in to the printed sheet."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from python_calamine import CalamineWorkbook

from tests.federation import Federation
from tests.pages.browser import ADDRESS, Browser
from tests.people import person

CONSENT = {
    "basis": "consent",
    "captured__day": "1",
    "captured__month": "10",
    "captured__year": "2026",
    "method": "written",
}
COLUMNS = ("case_ref", "dob", "forename", "surname")
ROWS = [",".join(person(number)[name] for name in COLUMNS) + ",=1+1" for number in (3, 4, 19)]
LIST = "\n".join([",".join(COLUMNS) + ",notes", *ROWS, "case-90,,ann,early,", "case-91,,ben,late,", ""])


def plan(browser: Browser, reference: str = "mdt-2026-12") -> None:
    browser.get("/conferences/new")
    browser.post(
        "/conferences", conference=reference, held_on__day="1", held_on__month="12", held_on__year="2026"
    )


def upload(browser: Browser, text: str = LIST) -> None:
    browser.post("/conferences/mdt-2026-12/upload", files={"file": ("list of ann early.csv", text.encode())})


def test_a_spreadsheet_becomes_a_known_to_sheet_in_three_screens(officer: Browser) -> None:
    plan(officer)
    assert "due to circulate in 5 days" in officer.page.text.lower()
    assert "1 of 1 agencies up to date" in officer.page.text
    officer.get("/")  # The first screen after signing in has the upload.
    upload(officer)
    assert "2 rows need a date of birth" in officer.page.text
    assert "3 cases can be asked about" in officer.page.text
    assert "3 of them do not say by what right" in officer.page.text
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    assert officer.page.status_code == 200 and "Known-to sheet" in officer.page.text
    words = re.findall(r'class="tag tag--\S+" href="[^"]*">([^<]*)<', officer.page.text)
    assert words == ["Known", "Known", "No shared match"]
    assert "Ring Duty desk" in officer.page.text and "Open there" in officer.page.text
    assert "Row 5, case-90" in officer.page.text
    for name in ("oliver", "kowalska", "early"):
        assert name not in officer.page.text.lower()


def test_an_answer_says_why_in_words_a_table_and_a_picture(officer: Browser) -> None:
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    officer.get(officer.link("/lists/"))
    assert "The date of birth agrees" in officer.page.text
    assert "<svg" in officer.page.text and "Weights of evidence" in officer.page.text
    assert "Ring" in officer.page.text and "Duty desk" in officer.page.text


def test_the_workbook_is_the_list_with_new_columns_and_no_formula(officer: Browser) -> None:
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    path = officer.visited[-1] + ".xlsx"
    workbook = officer.get(path)
    assert workbook.headers["content-disposition"] == 'attachment; filename="known-to-mdt-2026-12.xlsx"'
    with CalamineWorkbook.from_filelike(io.BytesIO(workbook.content)) as book:
        rows = book.get_sheet_by_index(0).to_python()
    assert rows[1][:5] == ["case-3", person(3)["dob"], person(3)["forename"], person(3)["surname"], "=1+1"]
    assert rows[1][7] == "Known" and "ring Duty desk" in rows[1][8]


def test_cases_can_be_typed_one_by_one_checked_and_taken_off_again(officer: Browser) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    for number in (3, 4):
        type_case(officer, add, person(number))
    assert "Add case 3" in officer.page.text
    officer.get(add.removesuffix("/add"))
    assert "2 cases can be asked about" in officer.page.text
    officer.post(add.removesuffix("/add") + "/rows/0/remove")
    assert "1 case can be asked about" in officer.page.text
    officer.post(add.removesuffix("/add") + "/send", **CONSENT)
    assert "case-4" in officer.page.text and "case-3" not in officer.page.text


def test_a_person_typed_twice_is_named_by_row_before_anybody_is_asked(officer: Browser) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    for number, changes in ((3, {}), (4, {}), (3, {"case_ref": "case-9"})):
        type_case(officer, add, person(number) | changes)
    officer.get(add.removesuffix("/add"))
    assert "3 cases can be asked about" in officer.page.text
    assert "Rows 2 and 4 are probably one person" in officer.page.text
    assert "Rows 2 and 3" not in officer.page.text
    officer.post(add.removesuffix("/add") + "/send", **CONSENT)
    assert all(reference in officer.page.text for reference in ("case-3", "case-4", "case-9"))


def test_a_second_click_takes_nobody_else_off_the_list(officer: Browser) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    for number in (3, 4, 5):
        type_case(officer, add, person(number))
    officer.get(add.removesuffix("/add"))
    off = add.removesuffix("/add") + "/rows/0/remove"
    sent = officer.hidden(off)
    for _ in range(2):
        assert officer.http.post(off, data=sent, headers={"Origin": ADDRESS}).status_code == 303
    officer.get(add.removesuffix("/add"))
    assert "2 cases can be asked about" in officer.page.text
    assert "case-3" not in officer.page.text and "case-4" in officer.page.text


def type_case(browser: Browser, action: str, row: dict[str, str], **more: str) -> None:
    year, month, day = row["dob"].split("-")
    browser.post(
        action, dob__day=day, dob__month=month, dob__year=year, forename=row["forename"],
        surname=row["surname"], **{"case_ref": row["case_ref"], "then": "another", **more},
    )  # fmt: skip


def test_one_person_is_looked_up_with_a_purpose_and_a_basis(officer: Browser) -> None:
    officer.get("/look-up")
    type_case(officer, "/look-up", person(3), case_ref="", purpose="single_lookup", **CONSENT)
    assert "Consent, given in writing on 1 October 2026" in officer.page.text
    assert "Support for one person" in officer.page.text
    officer.post(officer.visited[-1] + "/send")
    assert re.search(r">Known<", officer.page.text)
    assert "this person" in officer.get("/").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"dob__day": "31", "dob__month": "2"}, "dob", id="no such day"),
        pytest.param({"dob__year": "2031"}, "dob", id="not born yet"),
        pytest.param({"purpose": ""}, "purpose", id="no purpose"),
        pytest.param({"purpose": "statistics"}, "purpose", id="a purpose of nobody's"),
        pytest.param({"basis": ""}, "basis", id="no basis"),
        pytest.param({"captured__year": "2027"}, "captured", id="consent of the future"),
        pytest.param({"captured__day": "x"}, "captured", id="consent on no day"),
        pytest.param({"method": ""}, "method", id="consent in no way"),
        pytest.param({"basis": "public_task"}, "category", id="a public task for no reason"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    shared_officer: Browser, changes: dict[str, str], field: str
) -> None:
    shared_officer.get("/look-up")
    typed = {
        "dob__day": "5", "dob__month": "4", "dob__year": "1953", "forename": "<script>alert(1)</script>",
        "surname": "kowalska", "purpose": "single_lookup", **CONSENT, **changes,
    }  # fmt: skip
    shared_officer.post("/look-up", **typed)
    assert shared_officer.page.status_code == 422
    assert f'href="#{field}"' in shared_officer.page.text and f'id="{field}"' in shared_officer.page.text
    assert f'id="{field}-error"' in shared_officer.page.text
    assert "&lt;script&gt;alert(1)" in shared_officer.page.text and "<script" not in shared_officer.page.text
    assert 'value="kowalska"' in shared_officer.page.text


def test_a_case_without_a_reference_a_date_or_twice_is_not_added(officer: Browser) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    type_case(officer, add, person(3))
    type_case(officer, add, person(3))
    assert officer.page.status_code == 422 and "on the list already" in officer.page.text
    officer.post(add)
    assert officer.page.status_code == 422 and "Enter a reference" in officer.page.text
    type_case(officer, add, person(4), case_ref="")
    assert "Enter a reference" in officer.page.text
    officer.post(add, case_ref="case-5", forename="ann", surname="smith")
    assert "Enter a date of birth" in officer.page.text
    officer.get(add.removesuffix("/add"))
    assert "1 case can be asked about" in officer.page.text


def test_sending_twice_asks_once(officer: Browser, federation: Federation) -> None:
    plan(officer)
    upload(officer)
    send = officer.visited[-1] + "/send"
    checking = officer.page
    officer.post(send, **CONSENT)
    count = "SELECT count(*) FROM question"
    store = federation.nodes["asker"].store
    assert store.connection.execute(count).fetchone()[0] == 1
    officer.page = checking  # The back button, and the button again.
    officer.post(send, **CONSENT)
    assert "Known-to sheet" in officer.page.text
    assert store.connection.execute(count).fetchone()[0] == 1


def test_two_clicks_at_the_same_moment_ask_once(officer: Browser, federation: Federation) -> None:
    plan(officer)
    upload(officer)
    send = officer.visited[-1] + "/send"
    fields = officer.hidden(send) | {name.replace("__", "-"): value for name, value in CONSENT.items()}

    def click(_: int) -> int:
        return officer.http.post(send, data=fields, headers={"Origin": ADDRESS}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(click, range(4)))
    assert 303 in statuses and set(statuses) <= {303, 409}
    store = federation.nodes["asker"].store
    assert store.connection.execute("SELECT count(*) FROM question").fetchone()[0] == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "choose a file first", id="no file"),
        pytest.param(b"<html></html>", "web page", id="a web page"),
        pytest.param(b"a\n1\n", "no row of headings", id="one column"),
        pytest.param(b"PK\x03\x04 not a workbook", "damaged", id="a damaged workbook"),
        pytest.param(b"case_ref,dob\n", "no row", id="a header alone"),
        pytest.param(
            "\n".join(["case_ref,dob", *(f"{row},{person(row)['dob']}" for row in range(501))]).encode(),
            "has 501 rows",
            id="a caseload",
        ),
        pytest.param(b"x" * (10 * 2**20 + 1), "10 MB", id="a little over 10 MB"),
        pytest.param(b"x" * (11 * 2**20), "10 MB", id="11 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_why_and_leaves_nothing(
    shared_officer: Browser, shared: Federation, content: bytes, says: str
) -> None:
    shared_officer.get("/conferences/mdt-2026-12")
    if shared_officer.page.status_code == 404:
        plan(shared_officer)
    shared_officer.post("/conferences/mdt-2026-12/upload", files={"file": ("x.csv", content)})
    assert shared_officer.page.status_code in (413, 422) and says in shared_officer.page.text
    node = shared.nodes["asker"]
    assert (
        node.store.connection.execute(
            "SELECT count(*) FROM case_list WHERE conference IS NOT NULL"
        ).fetchone()[0]
        == 0
    )
    assert not list(node.home.glob(".reading-*"))


def test_a_part_of_a_date_is_taken_and_said_to_be_one(shared_officer: Browser) -> None:
    shared_officer.get("/look-up")
    row = person(3) | {"dob": "-4-5"}
    type_case(shared_officer, "/look-up", row, purpose="single_lookup", **CONSENT)
    assert "Only a part of the date of birth is given." in shared_officer.page.text


def test_a_public_task_that_nobody_approved_waits_and_says_so(shared_officer: Browser) -> None:
    shared_officer.get("/look-up")
    type_case(
        shared_officer,
        "/look-up",
        person(3),
        purpose="single_lookup",
        basis="public_task",
        category="serious_harm",
    )
    shared_officer.post(shared_officer.visited[-1] + "/send")
    assert shared_officer.page.status_code == 422 and "wait for approval" in shared_officer.page.text


def test_without_the_hub_the_list_stays_and_can_be_sent_later(
    officer: Browser, federation: Federation
) -> None:
    plan(officer)
    upload(officer)
    send = officer.visited[-1] + "/send"
    checking, site, node = officer.page, officer.app.state.front.site, federation.nodes["asker"]

    def away(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("away")

    there = node.http
    site.node.http = httpx2.Client(base_url="https://hub.test", transport=httpx2.MockTransport(away))
    officer.post(send, **CONSENT)
    assert officer.page.status_code == 503 and "The hub cannot be reached" in officer.page.text
    site.node.http, officer.page = there, checking
    officer.post(send, **CONSENT)
    assert "Known-to sheet" in officer.page.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"conference": "MDT 12!"}, "lower-case", id="a reference with blanks"),
        pytest.param({"held_on__day": "31", "held_on__month": "2"}, "Enter the day", id="no such day"),
        pytest.param({"held_on__year": "2025"}, "today or within", id="a day of the past"),
    ],
)
def test_a_conference_that_cannot_be_planned_is_said_why(
    shared_officer: Browser, fields: dict[str, str], says: str
) -> None:
    shared_officer.get("/conferences/new")
    good = {"conference": "mdt-1", "held_on__day": "1", "held_on__month": "12", "held_on__year": "2026"}
    shared_officer.post("/conferences", **(good | fields))
    assert shared_officer.page.status_code == 422 and says in shared_officer.page.text


def test_a_reference_is_taken_once(officer: Browser) -> None:
    plan(officer)
    plan(officer)
    assert officer.page.status_code == 422 and "taken" in officer.page.text
