"""Addresses looked at as clients would: over TLS with a certificate of a test's own."""

import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.reach import NoWay, Unreachable, look


class Door(BaseHTTPRequestHandler):
    """Answers 401 at one path."""

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        self.send_response(401 if self.path == "/scim/v2/x" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def certificate(folder: Path, days: int) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1 that is good for so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "muster.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[int], tuple[str, ssl.SSLContext]]]:
    """A TLS server whose certificate is good for so many days: its root, and a client that knows the certificate."""
    servers = []

    def start(days: int) -> tuple[str, ssl.SSLContext]:
        chain, key = certificate(tmp_path, days)
        server = HTTPServer(("127.0.0.1", 0), Door)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"https://127.0.0.1:{server.server_port}", ssl.create_default_context(cafile=str(chain))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_good_certificate_is_told_with_its_end(serve: Callable[[int], tuple[str, ssl.SSLContext]]) -> None:
    root, knowing = serve(60)

    assert "its certificate is good until" in look(root, "/scim/v2/x", (401,), knowing)


def test_a_certificate_that_nobody_accepts_or_that_ends_soon_is_told(
    serve: Callable[[int], tuple[str, ssl.SSLContext]],
) -> None:
    root, knowing = serve(10)

    with pytest.raises(Unreachable, match="a certificate that clients do not accept"):
        look(root, "/scim/v2/x", (401,))
    with pytest.raises(Unreachable, match="expires on .*: renew it"):
        look(root, "/scim/v2/x", (401,), knowing)


def test_somebody_else_who_answers_is_told(serve: Callable[[int], tuple[str, ssl.SSLContext]]) -> None:
    root, knowing = serve(60)

    with pytest.raises(Unreachable, match="was answered 404: something else answers there"):
        look(root, "/elsewhere", (401,), knowing)


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(Unreachable, match="is not known here"):
        look("http://muster.invalid", "/", (200,))


@pytest.mark.parametrize(
    "why",
    [
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
    ],
)
def test_a_machine_without_a_way_outside_says_so_and_blames_nobody(
    monkeypatch: pytest.MonkeyPatch, why: OSError
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise why

    monkeypatch.setattr("socket.create_connection", refuse)

    for root in ("http://scim.north.example", "https://scim.north.example"):
        with pytest.raises(NoWay, match=f"no way from here to scim.north.example.*{why.strerror}.*ask from elsewhere"):
            look(root, "/", (200,))
