"""Who may connect, over real processes: tokens and roles, addresses, modes of
sockets, and the limits of one client."""

import http.client
import re
import select
import socket
import stat
import subprocess
import time

import pytest

from pipeline import (BIN, TREE, Pipeline, clean_environment, may_be_cut,
                      wait_for)

REPLY_LIMIT_S = 60
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
ORDER = {"userId": 5, "productId": 1}
PUBLIC = ["/healthz", "/readyz", "/", "/help", "/docs",
          "/openapi.json", "/web/main.js"]
OPERATORS_ONLY = [
    ("GET", "/users", None), ("GET", "/users/1", None),
    ("POST", "/users", {"userId": 77, "balance": 1}),
    ("POST", "/users/1/credits", {"amount": 1}),
    ("POST", "/users/1/freeze", None), ("POST", "/users/1/thaw", None),
    ("GET", "/transactions", None), ("GET", "/metrics", None),
]


def make_token(role, name, path):
    return subprocess.run(
        [TREE / "scripts" / "make-token.sh", role, name, path], check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30).stdout.strip()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def problem(reply):
    assert reply.headers["Content-Type"] == "application/problem+json", reply
    assert reply.json["status"] == reply.status, reply
    return reply.json["type"].removeprefix("/problems/")


def connect(pipeline, source="127.0.0.1"):
    host, port = pipeline.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), REPLY_LIMIT_S,
                                    (source, 0))


def refusal(tmp_path, **knobs):
    """The one line with which the gateway does not start."""
    environment = {"SAGAPIPE_" + name.upper(): str(value)
                   for name, value in knobs.items()}
    environment = {"SAGAPIPE_HTTP": "127.0.0.1:0", **environment}
    result = subprocess.run(
        [BIN / "gateway"], cwd=TREE, stdin=subprocess.DEVNULL,
        env=clean_environment(SAGAPIPE_HOME=str(tmp_path / "home"),
                              **environment),
        capture_output=True, text=True, timeout=30)
    assert result.returncode == 100, result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


# --- pages of other sites ---------------------------------------------------

def test_page_of_another_site_is_refused(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    host = pipeline.url.removeprefix("http://")
    own = {"Origin": f"http://{host}"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"},
                    {"Origin": "http://evil.example", "Host": "evil.example"}):
        for method, path, body in (
                ("POST", "/users/1/freeze", None), ("GET", "/users", None),
                ("POST", "/orders", {"userId": 1, "productId": 1})):
            reply = pipeline.request(method, path, body, headers)
            assert reply.status == 403, reply
            assert reply.json["type"] == "/problems/foreign-origin"
            assert reply.json["field"] == "Origin"
    assert pipeline.json("/orders") == []
    assert pipeline.request("POST", "/orders", {"userId": 1, "productId": 1},
                            own).status == 201
    assert pipeline.ended(1)["status"] == "ORDER_COMPLETED"


def test_033_rebound_name_reads_nothing(make_pipeline):
    """A browser sends no Origin with what it takes for its own page."""
    pipeline = make_pipeline(supervised=False).start()
    for path in ("/", "/users", "/orders", "/status", "/metrics", "/healthz"):
        reply = pipeline.request("GET", path, None, {"Host": "evil.example"})
        assert reply.status == 403, reply
        assert reply.json["type"] == "/problems/foreign-origin"
        assert reply.json["field"] == "Host"


# --- tokens -----------------------------------------------------------------

@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The gateway alone, with tokens; the same limits for all tests."""
    path = tmp_path_factory.mktemp("auth") / "tokens"
    tokens = {role: make_token(role, role, path)
              for role in ("customer", "operator")}
    with Pipeline(supervised=False, tokens=path) as pipeline:
        pipeline.tokens = tokens
        yield pipeline
        for log in (pipeline.home / "log").iterdir():
            text = log.read_text(errors="replace")
            assert not any(token in text for token in tokens.values())


def test_made_tokens_are_long_private_and_hashed(tmp_path):
    path = tmp_path / "tokens"
    tokens = [make_token("operator", f"t{i}", path) for i in range(3)]
    assert len(set(tokens)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 3
    assert not any(token in path.read_text() for token in tokens)


@pytest.mark.parametrize("words", [
    ["customer", "shop"], ["admin", "shop", "tokens"],
    ["customer", "a b", "tokens"], ["customer", "", "tokens"],
    ["customer", "x" * 33, "tokens"], ["customer", "kept", "tokens"],
    ["customer", "shop", "no/such/directory"]])
def test_make_token_wrong_use_is_refused(tmp_path, words):
    path = tmp_path / "tokens"
    make_token("customer", "kept", path)
    before = path.read_text()
    result = subprocess.run(
        [TREE / "scripts" / "make-token.sh", *words], cwd=tmp_path,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert result.returncode == 100, result
    assert result.stdout == "" and result.stderr.startswith("make-token: ")
    assert path.read_text() == before


@pytest.mark.parametrize("path", PUBLIC)
def test_health_needs_no_token(guarded, path):
    assert guarded.get(path).status == 200


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"},
    {"Authorization": "Basic YTpi"}, {"X-Token": "x"}],
    ids=["none", "wrong", "empty", "scheme", "header"])
@pytest.mark.parametrize("method, path", [
    ("GET", "/orders"), ("POST", "/orders"), ("GET", "/metrics"),
    ("GET", "/nothing"), ("PUT", "/orders")])
def test_without_a_right_token_401(guarded, method, path, headers):
    reply = guarded.request(method, path,
                            ORDER if method == "POST" else None, headers)
    assert (reply.status, problem(reply)) == (401, "unauthorized")
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="sagapipe"'
    assert reply.headers["Allow"] is None


def test_repeated_token_401(guarded):
    line = b"Authorization: Bearer " + guarded.tokens["operator"].encode()
    with connect(guarded) as connection:
        connection.sendall(b"GET /orders HTTP/1.1\r\nHost: localhost\r\n" +
                           line +
                           b"\r\n" + line + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_large_body_without_a_token_is_not_read(guarded):
    """The reply comes, and the connection ends, before the body does."""
    with connect(guarded) as connection:
        connection.sendall(b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Length: 16000\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_customer_orders_and_no_more(guarded):
    headers = bearer(guarded.tokens["customer"])
    reply = guarded.request("POST", "/orders", ORDER, headers)
    assert reply.status == 201
    order = reply.headers["Location"]
    for path in ("/orders", order, "/products", *PUBLIC):
        assert guarded.request("GET", path, None, headers).status == 200
    assert guarded.request("DELETE", order, None, headers).status == 202
    for method, path, body in OPERATORS_ONLY:
        reply = guarded.request(method, path, body, headers)
        assert (reply.status, problem(reply)) == (403, "forbidden"), path


def test_operator_may_everything(guarded):
    headers = bearer(guarded.tokens["operator"])
    wait_for(lambda: guarded.request("GET", "/users/1", None, headers).status
             == 200, what="user 1")
    for method, path, body in OPERATORS_ONLY:
        reply = guarded.request(method, path, body, headers)
        assert reply.status in (200, 202), (path, reply)
    reply = guarded.request("POST", "/orders", ORDER, headers)
    assert reply.status == 201


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_token_file_open_to_others_refused(tmp_path, mode):
    path = tmp_path / "tokens"
    make_token("customer", "shop", path)
    path.chmod(mode)
    line = refusal(tmp_path, tokens=path)
    assert f"{path} is open to others (mode {mode:04o})" in line


def test_wrong_token_file_refused(tmp_path):
    assert "No such file" in refusal(tmp_path, tokens=tmp_path / "no")
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    assert "there is no token" in refusal(tmp_path, tokens=path)
    path.write_text("operator me open-sesame\n")
    line = refusal(tmp_path, tokens=path)
    assert "line 1: the third word" in line and "sesame" not in line


# --- addresses --------------------------------------------------------------

@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"])
def test_reachable_address_without_tokens_refused(tmp_path, address):
    line = refusal(tmp_path, http=address)
    assert f'"{address}" is not a loopback address' in line
    assert "SAGAPIPE_TOKENS" in line
    assert not (tmp_path / "home").exists()


def test_reachable_address_with_tokens_serves(make_pipeline, tmp_path):
    path = tmp_path / "tokens"
    token = make_token("customer", "shop", path)
    pipeline = make_pipeline(supervised=False, http="0.0.0.0:0", tokens=path)
    pipeline.start_process("gateway")
    assert pipeline.get("/orders").status == 401
    assert pipeline.request("GET", "/orders", None,
                            bearer(token)).status == 200


def test_inherited_reachable_socket_needs_tokens(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        result = subprocess.run(
            ["bash", "-c", f"LISTEN_FDS=1 LISTEN_PID=$$ exec {BIN}/gateway "
             f"3<&{listener.fileno()}"], cwd=TREE, stdin=subprocess.DEVNULL,
            env=clean_environment(SAGAPIPE_HOME=str(tmp_path / "home")),
            pass_fds=[listener.fileno()], capture_output=True, text=True,
            timeout=30)
    assert result.returncode == 100, result
    assert "LISTEN_FDS is not a loopback address" in result.stderr
    assert "SAGAPIPE_TOKENS" in result.stderr


@pytest.mark.parametrize("knob", ["bus", "tap"])
def test_bus_stays_on_loopback_even_with_tokens(tmp_path, knob):
    path = tmp_path / "tokens"
    make_token("customer", "shop", path)
    line = refusal(tmp_path, tokens=path, **{knob: "tcp://0.0.0.0:5555"})
    assert "is not on loopback" in line


# --- sockets ----------------------------------------------------------------

@pytest.mark.parametrize("home_mode, others", [(0o700, 0o077),
                                               (0o750, 0o007)])
def test_sockets_are_for_the_owner_or_his_group(make_pipeline, home_mode,
                                                others):
    pipeline = make_pipeline(supervised=False)
    pipeline.home.mkdir(parents=True)
    pipeline.home.chmod(home_mode)
    pipeline.start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode)
             for path in (pipeline.home / "run").iterdir()
             if stat.S_ISSOCK(path.stat().st_mode)}
    assert {"broker.ipc", "tap.ipc"} < modes.keys()
    assert {"payment.ctl", "ledger.ctl", "gateway.ctl"} < modes.keys()
    for name, mode in modes.items():
        assert mode & others == 0 and mode & 0o600 == 0o600, (name, oct(mode))


# --- limits -----------------------------------------------------------------

def test_too_many_requests_429(make_pipeline):
    """Three a second; another address has three of its own."""
    pipeline = make_pipeline(supervised=False, http_rate=3)
    pipeline.start_process("gateway")
    with connect(pipeline) as connection:
        begun = time.monotonic()
        connection.sendall(HEALTH * 50)
        answer = b""
        while answer.count(b"HTTP/1.1 ") < 50:
            assert (chunk := connection.recv(65536))
            answer += chunk
        seconds = time.monotonic() - begun
    statuses = re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer)
    assert statuses[:3] == [b"200"] * 3
    assert 3 <= statuses.count(b"200") <= 3 + 3 * seconds + 1, statuses
    assert b"Retry-After: 1\r\n" in answer
    assert b"/problems/too-many-requests" in answer
    with connect(pipeline, "127.0.0.2") as other:
        other.sendall(HEALTH)
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
    wait_for(lambda: pipeline.get("/healthz").status == 200,
             what="a full bucket")


def test_request_that_drips_is_cut(make_pipeline):
    pipeline = make_pipeline(supervised=False, http_request_time="300ms")
    pipeline.start_process("gateway")
    with connect(pipeline) as slow:
        slow.sendall(HEALTH[:-2] + b"X: ")
        for _ in range(500):
            sent = False
            with may_be_cut():
                slow.sendall(b"x")
                sent = True
            if not sent:
                break
            if select.select([slow], [], [], 0.02)[0]:
                break
        else:
            pytest.fail("it was never cut")
        with may_be_cut():
            assert slow.recv(65536) == b""
    wait_for(lambda: "event=slow_connection_closed" in
             pipeline.log("gateway"), what="a line about it")
    assert pipeline.get("/healthz").status == 200


def test_connections_of_one_address_are_limited(make_pipeline):
    pipeline = make_pipeline(supervised=False, http_connections_per_ip=3)
    pipeline.start_process("gateway")
    held = [connect(pipeline) for _ in range(3)]
    for connection in held:
        connection.sendall(HEALTH)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    with connect(pipeline) as fourth:
        with may_be_cut():
            fourth.sendall(HEALTH)
            assert fourth.recv(65536) == b""
    with connect(pipeline, "127.0.0.2") as other:
        other.sendall(HEALTH)
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
    for connection in held:
        connection.close()
    wait_for(lambda: answers(pipeline), what="room for a connection")


def answers(pipeline):
    try:
        return pipeline.get("/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False
