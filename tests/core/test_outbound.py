"""Requests go to the checked address, under the name that was asked for."""

import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.addresses import Place, Target
from core.outbound import SendError, post

HOST = "hooks.example.com"


@pytest.fixture
def certificate(tmp_path):
    """Of the host, signed by itself: a file with certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "host.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_server(certificate):
    """Answers one request on 127.0.0.1; (its port, what it was asked: SNI and request)."""
    context, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def serve():
            connection, _ = listener.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        request = b""
                        # All of it: closing on what is unread resets the connection.
                        while not request.endswith(b"{}") and (piece := secure.recv(10_000)):
                            request += piece
                        asked.append(request.decode())
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                except OSError as error:
                    asked.append(type(error).__name__)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], asked
        thread.join()


def send_to(port):
    target = Target(Place("https", HOST, port, "/in?a=1"), "127.0.0.1")
    return post(target, b"{}", {"X-Test": "1"}, seconds=30)


def test_the_name_asked_for_is_that_of_tls_and_of_the_host_header(
    tls_server, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port, asked = tls_server

    answer = send_to(port)

    assert (answer.status, answer.text) == (200, "ok")
    assert asked[0] == HOST
    assert asked[1].startswith("POST /in?a=1 HTTP/1.1\r\n")
    assert f"\r\nHost: {HOST}:{port}\r\n" in asked[1]


def test_a_certificate_that_nobody_signed_is_refused(tls_server):
    port, asked = tls_server

    with pytest.raises(SendError, match="Its certificate is not trusted: self-signed certificate"):
        send_to(port)
    assert all("POST" not in each for each in asked)


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        target = Target(Place("http", HOST, port, "/"), "127.0.0.1")

        with pytest.raises(SendError, match=r"No answer within 0\.3 s"):
            post(target, b"", {}, seconds=0.3)

        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1_000).startswith(b"POST / HTTP/1.1")
