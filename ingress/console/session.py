"""Signing in and out, and where an operator is signed in."""

from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie

from ingress.console import pages
from ingress.console.desk import Call, Form, Id, Office, at_desk, check_origin, in_thread, signing_in
from ingress.console.limit import Limit
from models import audit, database, operator_session
from models.errors import Unknown
from models.operator_session import ABSOLUTE, WrongPassword
from models.text import equality_key

HOME = "/lists"
LARGEST_FORM = 16_384  # bytes, of a sign-in: it is parsed before anybody knows who asks


@get("/", sync_to_thread=False)
def home() -> Response[str]:
    """The lists are where everything begins."""
    return pages.html("", 303, Location=HOME)


@get("/login")
@in_thread
def sign_in_page(request: Call) -> Response[str]:
    """The form; `next` is where to go on."""
    return _form(_next(request.query_params.get("next")))


@post("/login", request_max_body_size=LARGEST_FORM)
@signing_in
def sign_in(request: Call, data: Form) -> Response[str]:
    """A new session under a new secret, whatever cookie came along."""
    office: Office = request.app.state.office
    check_origin(request)
    email = str(data.get("email", "")).replace("\x00", "").strip()
    password, address = str(data.get("password", "")), office.address(request)
    limit = Limit(office.settings.redis_url, equality_key(email), address)
    wait = limit.take()
    if wait:
        sentence = f"Too many attempts for this address. Try again in {max(1, wait // 60)} min."
        return _form(_next(data.get("next")), email, sentence, 429, Retry_After=str(wait))
    try:
        secret = _begin(office, email, password, address, request.headers.get("user-agent"))
    except WrongPassword:
        answer = _form(_next(data.get("next")), email, "The e-mail address or the password is wrong.", 401)
        # After the answer, whose time must not tell whether anybody has the address.
        answer.background = BackgroundTask(_note_refusal, office, email, address)
        return answer
    limit.give_back()
    answer = pages.html("", 303, Location=_next(data.get("next")))
    answer.cookies.append(_cookie(office, secret, int(ABSOLUTE.total_seconds())))
    return answer


def _begin(office: Office, email: str, password: str, address: str, user_agent: str | None) -> str:
    # Argon2 between two transactions and not in one, which would hold a connection for 0.1 s of no use to it.
    while True:
        with office.pool.connection() as connection, database.transaction(connection) as cursor:
            found = operator_session.account(cursor, email, address)
        verified = operator_session.verify(found, password)
        with office.pool.connection() as connection, database.transaction(connection) as cursor:
            secret = operator_session.begin(cursor, verified, user_agent)
            if secret is not None:
                audit.record(cursor, verified.account, None, "operator.sign_in")
        if secret is not None:
            return secret
        # Reset meanwhile, which the next round refuses, or renewed by another sign-in, which it finds right.


@in_thread
def _note_refusal(office: Office, email: str, address: str) -> None:
    with office.pool.connection() as connection, database.transaction(connection) as cursor:
        found = operator_session.account(cursor, email, address)
        if found is not None:
            audit.record(cursor, found, None, "operator.refused")


@post("/logout")
@in_thread
def sign_out(request: Call, data: Form) -> Response[str]:
    """End this session."""
    with at_desk(request, form=data, change=False) as desk:
        operator_session.end(desk.cursor, desk.session.operator_id, desk.session.id)
        audit.record(desk.cursor, desk.session, None, "operator.sign_out")
        answer = pages.go(request, "/login")
        answer.cookies.append(_cookie(desk.office, "", 0))
    return answer


@get("/sessions")
@in_thread
def sessions(request: Call) -> Response[str]:
    """Where the operator is signed in."""
    with at_desk(request) as desk:
        return pages.page(
            desk, "sessions.html", browsers=operator_session.browsers(desk.cursor, desk.session.operator_id)
        )


@post("/sessions/{session_id:uuid}/end")
@in_thread
def end_session(request: Call, session_id: Id, data: Form) -> Response[str]:
    """End one of the operator's sessions, this one too."""
    with at_desk(request, form=data, change=False) as desk:
        if not operator_session.end(desk.cursor, desk.session.operator_id, str(session_id)):
            raise Unknown("this session has ended already")
        audit.record(desk.cursor, desk.session, None, "operator.end_session")
    return pages.go(request, "/sessions")


def sign_in_again(request: Call) -> Response[str]:
    """What becomes of a request whose session is over: the form, and afterwards the page that was asked for."""
    if pages.is_fragment(request):
        here = urlsplit(request.headers.get("hx-current-url", ""))
        shown = f"{here.path or HOME}{'?' if here.query else ''}{here.query}"
        return pages.html("", 401, HX_Redirect=f"/login?next={quote(shown)}")
    wanted = request.url.path if request.method == "GET" else HOME
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    return pages.html("", 303, Location=f"/login?next={quote(wanted + query)}")


def _next(wanted: Any) -> str:
    """A path of ours to go on to; never another site's."""
    path = wanted if isinstance(wanted, str) else ""
    ours = path.startswith("/") and not path.startswith(("//", "/\\", "/login"))
    return path if ours and path.isascii() and path.isprintable() else HOME


def _form(
    next_path: str, email: str = "", error: str | None = None, status: int = 200, **headers: str
) -> Response[str]:
    return pages.html(pages.render("login.html", next=next_path, email=email, error=error), status, **headers)


def _cookie(office: Office, secret: str, seconds: int) -> Cookie:
    return Cookie(
        key=office.cookie, value=secret, max_age=seconds, path="/", httponly=True, secure=office.secure, samesite="lax"
    )


ROUTES = [home, sign_in_page, sign_in, sign_out, sessions, end_session]
