"""Pages and fragments: Jinja templates rendered where the handler runs, never on the event loop."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.enums import MediaType

from ingress.console import words
from ingress.console.assets import asset_path, icon
from ingress.console.desk import Call, Desk
from models import master_list

PRODUCT = "Muster"
FRAGMENT = "_dialog.html"  # the layout of a dialog that htmx puts into a page


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.globals.update(
        product=PRODUCT, icon=icon, asset=asset_path, now=lambda: datetime.now(UTC), **words.GLOBALS
    )
    environment.filters.update(words.FILTERS)
    # All of them at once: a process must not meet the templates of a version that is installed while it runs.
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


_templates = _environment()


def is_fragment(request: Call) -> bool:
    """Whether htmx asks for a part of a page."""
    return "hx-request" in request.headers


def render(template: str, **context: Any) -> str:
    """A template as text."""
    return _templates.get_template(template).render(**context)


def page(desk: Desk, template: str, status: int = 200, **context: Any) -> Response[str]:
    """A page, or a fragment, for whoever is signed in."""
    if not template.startswith("_") and context.get("layout") != FRAGMENT:
        context["lists"] = master_list.all_of_organisation(desk.cursor, desk.session.organisation_id)
    return html(render(template, **shell(desk), **context), status)


def dialog(
    request: Call, desk: Desk, template: str, kind: str = "dialog", status: int = 200, **context: Any
) -> Response[str]:
    """A dialog, a drawer or an alertdialog (`kind`): for htmx as it is, else the same on a page of its own."""
    layout = FRAGMENT if is_fragment(request) else "as_page.html" if desk.current else "as_settings.html"
    return page(desk, template, status, layout=layout, kind=kind, **context)


def shell(desk: Desk) -> dict[str, Any]:
    """What every page and every part of one knows of its surroundings."""
    return {
        "csrf": desk.csrf,
        "hx_headers": json.dumps({"x-csrftoken": desk.csrf}),
        "operator": desk.session,
        "current": desk.current,
    }


def html(text: str, status: int = 200, **headers: str) -> Response[str]:
    """An answer of HTML that nobody keeps: it is about people, and for one operator."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        text,
        status_code=status,
        media_type=MediaType.HTML,
        headers={"Cache-Control": "no-store", "Vary": "HX-Request", **named},
    )


def go(request: Call, path: str) -> Response[str]:
    """Another page: told to htmx in a header, to a browser in a redirect (POST/redirect/GET)."""
    if is_fragment(request):
        return html("", 200, HX_Redirect=path)
    return html("", 303, Location=path)


def moment(text: str | None) -> datetime | None:
    """The moment in an address; None for what is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
