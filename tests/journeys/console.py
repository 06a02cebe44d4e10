"""A real browser at the console of a running stack: Debian's Chromium, and what must hold on every page of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

from models import operator, organisation
from tests.journeys.system import Muster

AXE = Path(__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS, THEMES = (1440, 390, 320), ("light", "dark")
LOOKS = [(width, theme) for width in WIDTHS for theme in THEMES]
MOST_TABS = 250
PATIENCE = 30_000  # milliseconds until something that should be there is missed


OPEN: list["Console"] = []  # what a failed test tells of


class Console:
    """One operator in a browser of their own; whatever goes wrong in the browser fails the test."""

    def __init__(
        self, browser: Browser, muster: Muster, theme: str = "light", width: int = 1440, script: bool = True
    ) -> None:
        self.muster, self.url = muster, muster.ready["console_url"]
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if theme == "dark" else "light",
            permissions=["clipboard-read", "clipboard-write"], java_script_enabled=script, reduced_motion="reduce",
        )  # fmt: skip
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.asked: dict[Request, str] = {}  # and what became of it
        self.page.on("request", lambda request: self.asked.update({request: "not answered"}))
        self.page.on("response", lambda answer: self.asked.update({answer.request: str(answer.status)}))
        self.page.on("requestfailed", lambda request: self.asked.update({request: f"failed: {request.failure}"}))
        OPEN.append(self)

    def _hear(self, message: ConsoleMessage) -> None:
        # A refusal that a test asks for is a line of the browser's as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def sign_in(self, organisation_name: str | None = None, role: str = "admin", email: str = "") -> None:
        """As an operator of the organisation, made for the occasion."""
        muster = self.muster
        email = email or f"{role}{len(muster.rows('select from operator'))}@muster.example"

        def add(cursor: Any) -> str:
            owner = organisation.ensure(cursor, organisation_name or muster.owner, "business")
            return operator.add(cursor, owner, email, role)

        password = muster.in_transaction(add)
        self.page.goto(f"{self.url}/login")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/lists")

    def open(self, path: str) -> int:
        """A page by its path; the status of its answer."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def opened_stream(self, path: str) -> Request:
        """A page that shows what happens live, and the request for it."""
        with self.page.expect_request("**/sync/stream?*") as stream:
            self.page.goto(self.url + path)
        return stream.value

    def reach(self, wanted: Locator, key: str = "Tab") -> None:
        """Go to an element by the keyboard alone."""
        wanted.wait_for()
        element = wanted.element_handle()  # found once: finding it takes longer than a key
        for _ in range(MOST_TABS):
            if element.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{wanted} cannot be reached by {key}")

    def press(self, wanted: Locator, key: str = "Enter") -> None:
        """Go to an element by the keyboard, and press a key there."""
        self.reach(wanted)
        self.page.keyboard.press(key)

    def type(self, wanted: Locator, text: str) -> None:
        """Go to a field by the keyboard, and type."""
        self.reach(wanted)
        self.page.keyboard.type(text)

    def widths(self) -> Iterator[int]:
        """The page as it stands, at each width."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            yield width

    def looks(self) -> Iterator[str]:
        """The page as it stands, at each width and in both themes."""
        for width in self.widths():
            for theme in THEMES:
                self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                yield f"{theme} {width}"

    def violations(self) -> list[str]:
        """What axe finds on the page as it looks now, and whether it scrolls sideways. The narrowest has the layout of
        the one before it, and is asked for the latter alone."""
        told = [] if self._width() == min(WIDTHS) else self._rules_broken()
        width = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        return told + ([f"scrolls sideways: {width}"] if width[0] > width[1] else [])

    def _width(self) -> int:
        return self.page.viewport_size["width"] if self.page.viewport_size else 0

    def _rules_broken(self) -> list[str]:
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        # What passed stays in the browser: handing it over takes longer than axe itself.
        found: list[dict[str, Any]] = self.page.evaluate(
            "async (rules) => (await axe.run(document, {runOnly: {type: 'tag', values: rules}})).violations", RULES
        )
        return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}" for one in found]

    def told(self) -> str:
        """Where it is, what can be read there, and the last that was asked for: for a test that failed."""
        lately = [*self.asked.items()][-30:]
        asked = "\n".join(f"{request.method} {request.url}: {became}" for request, became in lately)
        return f"{self.page.url} “{self.page.title()}”\n{self.page.inner_text('body')[:3_000]}\n{asked}"

    def close(self) -> None:
        """Nothing may have gone wrong in the browser meanwhile."""
        OPEN.remove(self)
        # The context goes with the browser: Chromium sometimes never answers to Target.disposeBrowserContext, and a
        # test waited five minutes for it (github.com/duckduckgo/tracker-radar-collector/pull/88 says the same).
        for page in self.context.pages:
            page.close()
        assert not self.complaints, self.complaints
