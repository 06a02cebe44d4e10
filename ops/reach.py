"""Whether the addresses that others use lead here: names, TLS certificates, and who answers."""

import errno
import http.client
import socket
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

SECONDS = 5.0
EXPIRES_SOON = timedelta(days=14)


# What a machine says that has no way outside, such as a container on a network of its own: nothing about the address.
NO_NAMES, NO_ROUTE = socket.EAI_AGAIN, errno.ENETUNREACH


class Unreachable(Exception):
    """Why an address does not lead here, and what to do."""


class NoWay(Unreachable):
    """This machine cannot tell: it has no way to the address."""


def look(root: str, path: str, answers: tuple[int, ...], context: ssl.SSLContext | None = None) -> str:
    """Ask for a path as a client would; returns what was found. Nobody is followed to another address."""
    parts = urlsplit(root)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    told = ""
    try:
        if parts.scheme == "https":
            context = context or ssl.create_default_context()
            told = _certificate(host, port, context)
            line: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        else:
            line = http.client.HTTPConnection(host, port, timeout=SECONDS)
        line.request("GET", parts.path.rstrip("/") + path, headers={"User-Agent": "muster-doctor", "Accept": "*/*"})
        status = line.getresponse().status
        line.close()
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"{host} has a certificate that clients do not accept ({error.verify_message})") from None
    except (OSError, http.client.HTTPException) as error:
        raise _why(host, port, error) from None
    if status not in answers:
        raise Unreachable(f"{root}{path} was answered {status}: something else answers there, or a proxy alters paths")
    return told or "answers"


def _why(host: str, port: int, error: Exception) -> Unreachable:
    names = isinstance(error, socket.gaierror)
    if isinstance(error, OSError) and error.errno == (NO_NAMES if names else NO_ROUTE):
        return NoWay(f"no way from here to {host} ({error.strerror}): ask from elsewhere, as an IdP would")
    if names:
        return Unreachable(f"the name {host} is not known here: enter it in DNS, or look from where IdPs look")
    return Unreachable(f"{host}:{port} does not answer ({str(error) or type(error).__name__})")


def _certificate(host: str, port: int, context: ssl.SSLContext) -> str:
    with (
        socket.create_connection((host, port), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        found = secured.getpeercert() or {}
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
    if until - datetime.now(UTC) < EXPIRES_SOON:
        raise Unreachable(f"the certificate of {host} expires on {until:%-d %B %Y}: renew it")
    return f"answers, its certificate is good until {until:%-d %B %Y}"
