"""ops/proxy in a real nginx, with TLS: who is let through, and what Muster gets to hear of whom."""

import datetime
import json
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingress.console.imports import MOST_BYTES
from ingress.http import headers_of
from ingress.proxy import Proxies
from models.imports.encoding import LARGEST_FILE
from tests.journeys.doors import free_port
from tests.journeys.test_proxy import FORGED, answers
from tests.journeys.waiting import eventually
from tests.ops.dockerfile import ROOT
from tests.ops.yamls import services

pytestmark = pytest.mark.needs("nginx")

SCIM, CONSOLE = "scim.north.example", "muster.north.example"
LARGEST = 16 * 1024 * 1024  # MUSTER_MAX_GROUP_BODY


class Echo(BaseHTTPRequestHandler):
    """Stands in for Muster: tells which of its services was asked, and with what."""

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        port = self.connection.getsockname()[1]
        told = {"port": port, "path": self.path, "headers": self.headers.items(), "length": length}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Proxy(NamedTuple):
    """nginx, and what stands behind it."""

    https: int
    http: int
    ingress: int
    console: int
    log: Path

    def ask(self, url: str, **more: Any) -> httpx.Response:
        """A request to one of its names."""
        scheme, host = url.split("/")[0], url.split("/")[2]
        port = self.https if scheme == "https:" else self.http
        local = url.replace(f"//{host}", f"//127.0.0.1:{port}", 1)
        more["headers"] = {"Host": host} | more.get("headers", {})
        with httpx.Client(verify=_trusting(), trust_env=False) as client:
            return client.request(more.pop("method", "GET"), local, extensions={"sni_hostname": host}, **more)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def certificate(folder: Path) -> None:
    """One for both names, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SCIM)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(SCIM), x509.DNSName(CONSOLE)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "tls_certificate").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls_key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))


@contextmanager
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def written(folder: Path, proxy: Proxy) -> Path:
    """Both files as the container has them, but for ports, paths and the one directive that is newer than 1.24."""
    site = (ROOT / "ops/proxy/muster.conf.template").read_text()
    main = (ROOT / "ops/proxy/nginx.conf").read_text()
    told = {"SCIM_HOST": SCIM, "CONSOLE_HOST": CONSOLE, "NGINX_LOCAL_RESOLVERS": "127.0.0.1"}
    assert set(re.findall(r"\$\{(\w+)\}", site)) == told.keys()
    for name, value in told.items():
        site = site.replace(f"${{{name}}}", value)
    for name, port in (("ingress", proxy.ingress), ("console", proxy.console)):
        site = site.replace(f"http://${name}:8080", f"http://127.0.0.1:{port}")
    site = site.replace("8443", str(proxy.https)).replace("listen 8080", f"listen {proxy.http}")
    site = site.replace("8081", str(free_port())).replace("/run/secrets", str(folder)).replace("    http2 on;\n", "")
    (folder / "muster.conf").write_text(site)
    main = main.replace("/tmp/", f"{folder}/").replace("/dev/stderr", f"{folder}/errors")
    main = main.replace("/dev/stdout", str(proxy.log)).replace("/etc/nginx/conf.d/*.conf", f"{folder}/muster.conf")
    (folder / "nginx.conf").write_text(f"daemon off; master_process off;\n{main}")
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    folder = Path(tempfile.mkdtemp(prefix="mp", dir="/tmp"))
    certificate(folder)
    with upstream() as ingress, upstream() as console:
        told = Proxy(free_port(), free_port(), ingress, console, folder / "log")
        file = written(folder, told)
        process = subprocess.Popen(["nginx", "-p", str(folder), "-e", "errors", "-c", str(file)])
        try:
            eventually(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{told.http}"), 20, "nginx")
            assert process.poll() is None, (folder / "errors").read_text()
            yield told
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(folder)


def heard(answer: httpx.Response) -> list[tuple[str, str]]:
    """The headers about the client that Muster got."""
    assert answer.status_code == 200, answer.text
    names = ("forwarded", "host")
    return [(n, v) for n, v in answer.json()["headers"] if n.lower() in names or n.lower().startswith("x-forwarded")]


def trusting() -> Proxies:
    """Muster's own judgement of what this proxy tells."""
    return Proxies("127.0.0.1", "http://own", fixed=False)


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_muster_hears_of_the_client_what_the_proxy_saw(proxy: Proxy, headers: dict[str, str]) -> None:
    told = heard(proxy.ask(f"https://{SCIM}/scim/v2/abc/Users", headers=headers))

    assert sorted(told) == [
        ("Host", SCIM), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", SCIM), ("X-Forwarded-Proto", "https")
    ]  # fmt: skip
    believed = trusting()
    found = headers_of([(name.lower().encode(), value.encode()) for name, value in told])
    assert believed.root(found, "127.0.0.1") == f"https://{SCIM}"
    assert believed.client(found, "127.0.0.1") == "127.0.0.1"


def test_a_request_has_the_proxys_id_in_its_log_and_in_musters(proxy: Proxy) -> None:
    answer = proxy.ask(f"https://{SCIM}/scim/v2/abc/Users", headers={"X-Request-Id": "f" * 32})
    [(_, given)] = [pair for pair in answer.json()["headers"] if pair[0].lower() == "x-request-id"]

    assert re.fullmatch("[0-9a-f]{32}", given)
    assert given != "f" * 32
    assert trusting().request_id({b"x-request-id": given.encode()}, "127.0.0.1") == given
    eventually(lambda: given in proxy.log.read_text(), 5, "a line in the log")


def test_each_name_leads_to_its_own_processes(proxy: Proxy) -> None:
    assert proxy.ask(f"https://{SCIM}/scim/v2/abc/Users?filter=x").json()["port"] == proxy.ingress
    assert proxy.ask(f"https://{CONSOLE}/lists").json()["port"] == proxy.console
    assert proxy.ask(f"https://{SCIM}/lists").json()["port"] == proxy.ingress


def test_a_group_of_the_largest_size_passes(proxy: Proxy) -> None:
    url = f"https://{SCIM}/scim/v2/abc/Groups"

    assert proxy.ask(url, method="POST", content=b"x" * LARGEST).json()["length"] == LARGEST
    assert proxy.ask(url, method="POST", content=b"x" * (LARGEST + 2_000_000)).status_code == 413


def test_a_file_of_people_passes_where_it_is_uploaded_and_nowhere_else(proxy: Proxy) -> None:
    url = f"https://{CONSOLE}/lists/abcdefgh27/imports"

    assert proxy.ask(f"{url}/new", method="POST", content=b"x" * MOST_BYTES).json()["length"] == MOST_BYTES
    assert proxy.ask(f"{url}/new", method="POST", content=b"x" * (MOST_BYTES + 2_000_000)).status_code == 413
    assert proxy.ask(url, method="POST", content=b"x" * 3_000_000).status_code == 413
    api = f"https://{CONSOLE}/api/v1/lists/abcdefgh27"
    assert (
        proxy.ask(f"{api}/imports?name=a", method="POST", content=b"x" * LARGEST_FILE).json()["length"] == LARGEST_FILE
    )
    assert proxy.ask(f"{api}/people", method="POST", content=b"x" * 3_000_000).status_code == 413


def test_an_unknown_name_gets_no_certificate(proxy: Proxy) -> None:
    with pytest.raises(httpx.ConnectError):
        proxy.ask("https://elsewhere.example/")


def test_plain_http_leads_a_browser_to_https_and_an_idp_nowhere(proxy: Proxy) -> None:
    browser = proxy.ask(f"http://{CONSOLE}/lists?page=2")

    assert (browser.status_code, browser.headers["Location"]) == (301, f"https://{CONSOLE}/lists?page=2")
    assert proxy.ask(f"http://{SCIM}/scim/v2/abc/Users").status_code == 403


def test_the_log_names_nobody(proxy: Proxy) -> None:
    proxy.ask(f"https://{SCIM}/scim/v2/abc/Users?filter=userName%20eq%20%22mila%22")

    eventually(lambda: "/scim/v2/abc/Users" in proxy.log.read_text(), 5, "a line in the log")
    assert "mila" not in proxy.log.read_text()


def test_the_container_gives_the_files_what_they_ask_for() -> None:
    container = services()["proxy"]
    asked = set(re.findall(r"\$\{(\w+)\}", (ROOT / "ops/proxy/muster.conf.template").read_text()))
    given = {name.upper() for name in container["environment"] if name.endswith("_HOST")}

    assert given | {"NGINX_LOCAL_RESOLVERS"} == asked
    assert re.fullmatch(r"\^\((.*)\)\$\$", container["environment"]["NGINX_ENVSUBST_FILTER"])
    assert set(container["secrets"]) == {"tls_certificate", "tls_key"}
