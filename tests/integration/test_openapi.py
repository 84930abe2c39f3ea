"""The description of the API, and the gateway driven from it: what is
described is there, and what is there is described."""

import contextlib
import fcntl
import http.client
import json
import os
import re
import signal
import subprocess

import pytest

from openapi import METHODS, Description, first_event
from pipeline import TREE, Pipeline, wait_for
from powercut_rig import preload_library
from sagabus import Bus, event

GATEWAY = TREE / "src" / "gateway"
NDJSON = "application/x-ndjson"
NOBODY = 9007199254740991
ROUTE = re.compile(r'\{\s*"([A-Z]+)", "(/[^"]*)", (ROLE_\w+),')
PROBLEM = re.compile(r'P\(PROBLEM_\w+,\s*"([a-z-]+)",\s*(\d{3}),')
# Needs a disk that fails, no memory left, or the very end of the process:
# tests/unit/test_http_scarce.c, test_gateway_http.c and _life.c see them.
UNREACHED_PROBLEMS = {"out-of-memory", "store-failed", "shutting-down"}


def routes():
    """(method, path) -> role, from the table in the source."""
    text = "".join(path.read_text() for path in GATEWAY.glob("http_*.c"))
    return {(method, path): role for method, path, role in
            ROUTE.findall(text)}


# --- the description itself --------------------------------------------------

def test_description_is_valid_for_others():
    """An independent validator, and its rules of good manners."""
    checker = TREE / "tests" / "openapi" / "validate.mjs"
    result = subprocess.run(
        ["node", checker, Description.PATH], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, ""), \
        result.stdout + result.stderr


def test_description_has_every_route_and_no_other():
    described = {(one.method, one.path): one
                 for one in Description().operations}
    assert set(described) == set(routes())
    for key, role in routes().items():
        operator = described[key].node["responses"]["403"]["$ref"].endswith(
            "/Forbidden")
        assert (described[key].public, operator) == \
            (role == "ROLE_ANYBODY", role == "ROLE_OPERATOR"), key


def test_description_has_every_problem_and_no_other():
    listed = dict(PROBLEM.findall((GATEWAY / "http_problem.h").read_text()))
    description = Description()
    names = {name.removeprefix("/problems/") for name in description.root[
        "components"]["schemas"]["Problem"]["properties"]["type"]["enum"]}
    assert names == set(listed)
    shown = {problem["type"].removeprefix("/problems/"): problem
             for problem in description.problem_examples()}
    assert set(shown) == set(listed)
    for name, problem in shown.items():
        assert problem["status"] == int(listed[name]), name


def test_description_has_every_refusal():
    words = (TREE / "src" / "saga" / "refusal.h").read_text()
    assert Description().root["components"]["schemas"]["Refusal"]["enum"] == \
        re.findall(r'X\(REFUSAL_\w+,\s*"([A-Z_]+)"', words)


def test_examples_of_parameters_are_valid():
    description = Description()
    for one in description.operations:
        for place in ("path", "query", "header"):
            for node in description.parameters(one, place).values():
                description.validate(node["schema"],
                                     description.example(node))


# --- the gateway, driven from it ---------------------------------------------

def send(pipeline, description, one, query="", headers=None, body=None,
         **values):
    """The operation's example request, but for what is given."""
    if body is None:
        body = description.body(one)
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body, default=float)
    return pipeline.request(one.method, description.path(one, **values) +
                            query, body, headers)


def check(pipeline, description, method, path, status, **changes):
    one = description.operation(method, path)
    reply = description.check(one, send(pipeline, description, one, **changes))
    assert reply.status == status, f"{one}: {reply}"
    return reply


def drive_generally(pipeline, description):
    """What is refused alike everywhere, from the request alone."""
    def long_head_refused(one):
        # Closed with bytes unread, a connection may lose its last reply.
        try:
            return description.check(one, send(
                pipeline, description, one, headers={"X": "x" * 17000}))
        except (ConnectionError, http.client.HTTPException):
            return None

    for one in description.operations:
        def refused(status, **changes):
            assert description.check(one, send(
                pipeline, description, one, **changes)).status == status, one
        refused(400, query="?nonsense=1")
        refused(400, query="?%zz", headers={"Transfer-Encoding": "gzip"})
        refused(403, headers={"Origin": "https://evil.example"})
        refused(413, headers={"Content-Length": "2000000"}, body=b"")
        refused(414, query="?" + "x" * 1100)
        wait_for(lambda: long_head_refused(one), what=f"431 of {one}")
        responses = one.node["responses"]
        if "415" in responses:
            refused(415, headers={"Content-Type": "text/plain"})
            refused(415, headers={"Content-Encoding": "gzip"})
        if "304" in responses:
            values = {"file": "main.js"} if "{file}" in one.path else {}
            refused(304, headers={"If-None-Match": "*"}, **values)
        if "404" in responses and "{id}" in one.path:
            refused(404, id=NOBODY)


def drive_orders(pipeline, description):
    def ask(*words, **changes):
        return check(pipeline, description, *words, **changes)
    placed = ask("POST", "/orders", 201)
    pipeline.ended(placed.json["id"])
    key = {"Idempotency-Key": "k"}
    ask("POST", "/orders", 201, headers=key)
    replay = ask("POST", "/orders", 201, headers=key)
    assert replay.headers["Idempotency-Replayed"] == "true"
    order = {"userId": 3, "productId": 1}
    ask("POST", "/orders", 422, body=order, headers=key)
    for status, body in (
            (404, {**order, "productId": 99}), (422, {**order, "userId": 0}),
            (400, {"userId": 1}), (400, {**order, "price": 1}),
            (400, {**order, "userId": "1"}), (400, [])):
        ask("POST", "/orders", status, body=body)
    ask("POST", "/orders", 400, headers={"Idempotency-Key": "a b"})
    lines = ask("POST", "/orders", 200, headers={
        "Content-Type": NDJSON}, body=description.body(
            description.operation("POST", "/orders"), NDJSON))
    assert [sorted(json.loads(line)) for line in lines.text.splitlines()] == \
        [["line", "order"], ["line", "problem"]]
    dear = pipeline.order(4711, 1)          # an unknown user
    pipeline.ended(dear)
    for path in ("/orders", "/products", "/users", "/transactions"):
        assert ask("GET", path, 200, query="?limit=1").json
    ask("GET", "/orders", 200, query="?userId=4711&status=ORDER_FAILED")
    for order_id in (placed.json["id"], dear):
        ask("GET", "/orders/{id}", 200, id=order_id)
    ask("GET", "/transactions/{id}", 200)
    ask("DELETE", "/orders/{id}", 202, id=placed.json["id"])
    ask("DELETE", "/orders/{id}", 409, id=dear)
    wait_for(lambda: pipeline.json(f"/orders/{placed.json['id']}")["status"]
             == "ORDER_CANCELLED", what="the cancelled order")
    ask("GET", "/orders/{id}", 200, id=placed.json["id"])
    ask("GET", "/orders", 200)


def drive_price_too_large(pipeline, description):
    """Only a catalogue of unlikely prices gets there."""
    check(pipeline, description, "POST", "/orders", 422,
          body={"userId": 1, "productId": 6, "quantity": 1000})


def drive_streams(pipeline, description):
    for path in ("/orders/stream", "/orders/{id}/stream",
                 "/transactions/stream"):
        reply = check(pipeline, description, "GET", path, 200)
        assert reply.text == "retry: 1000\n\n"
        one = description.operation("GET", path)
        reply = description.check(one, first_event(
            pipeline, description.path(one), None if "{id}" in path else 1))
        assert "\ndata: {" in reply.text, reply
    check(pipeline, description, "GET", "/orders/stream", 400,
          headers={"Last-Event-ID": "x"})
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    reply = check(pipeline, description, "POST", "/orders", 201, headers={
        "Prefer": "wait=30", "traceparent": trace})
    assert reply.headers["Preference-Applied"] == "wait=30"
    check(pipeline, description, "GET", "/orders/{id}", 200,
          id=reply.json["id"])


def drive_products(pipeline, description):
    check(pipeline, description, "GET", "/products/{id}", 200)
    check(pipeline, description, "PUT", "/products/{id}", 200)
    check(pipeline, description, "PUT", "/products/{id}", 201, id=7)
    for status, body in ((422, {"price": 0}), (400, {}), (400, [])):
        check(pipeline, description, "PUT", "/products/{id}", status,
              body=body)


def drive_catalogue_full(description):
    with gateway_alone(products=1) as pipeline:
        check(pipeline, description, "PUT", "/products/{id}", 409, id=7)


def drive_users(pipeline, description):
    def ask(*words, **changes):
        return check(pipeline, description, *words, **changes)
    ask("POST", "/users", 202)
    wait_for(lambda: pipeline.user_active(6), what="user 6")
    ask("POST", "/users", 409)
    ask("POST", "/users", 422, body={"userId": 0, "balance": 1})
    ask("POST", "/users/{id}/credits", 202)
    ask("POST", "/users/{id}/credits", 422, body={"amount": 0})
    ask("POST", "/users/{id}/freeze", 202)
    wait_for(lambda: pipeline.json("/users/1")["state"] == "FROZEN")
    ask("GET", "/users/{id}", 200)
    ask("POST", "/users/{id}/thaw", 202)


def drive_parked(pipeline, description):
    def ask(*words, **changes):
        return check(pipeline, description, *words, **changes)

    def parked():
        rows = ask("GET", "/parked", 200).json
        return [row for row in rows if row["orderId"] == order] and rows[0]
    order = pipeline.order(2, 1)
    pipeline.ended(order)
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-9")
        bus.produce("transactions", 0, [event(
            "Transaction", status="SUCCESSFUL", decidedAt=1, orderId=order,
            userId=1, price=5000, transactionId=999)])
    row = wait_for(parked, what="the parked event")
    where = {"participant": row["participant"], "id": row["number"]}
    ask("GET", "/orders/{id}", 200, id=order)
    ask("POST", "/parked/{participant}/{id}/redrive", 409, **where)
    ask("POST", "/parked/{participant}/{id}/drop", 200, **where)
    early = pipeline.json("/orders?order=desc&limit=1")[0]["id"] + 1
    last = pipeline.json("/transactions?order=desc&limit=1")[0]["id"]
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-8")
        bus.produce("transactions", 0, [event(
            "Transaction", status="SUCCESSFUL", decidedAt=1, orderId=early,
            userId=3, price=5000, transactionId=last + 1)])
    order = early
    row = wait_for(parked, what="the parked event")
    where = {"participant": row["participant"], "id": row["number"]}
    assert pipeline.order(3, 1) == early
    wait_for(lambda: len(pipeline.json("/parked")) == 3,
             what="the real events behind it")
    ask("POST", "/parked/{participant}/{id}/redrive", 200, **where)
    pipeline.kill("ledger", signal.SIGSTOP)
    try:
        ask("GET", "/parked", 503)
        for what in ("redrive", "drop"):
            reply = ask("POST", f"/parked/{{participant}}/{{id}}/{what}", 503)
            assert reply.json["detail"].startswith("ledger "), reply
    finally:
        pipeline.kill("ledger", signal.SIGCONT)


def drive_the_rest(pipeline, description):
    for path in ("/status", "/metrics", "/healthz", "/readyz", "/help", "/",
                 "/docs"):
        check(pipeline, description, "GET", path, 200)
    for name in ("main.js", "style.css", "icon.svg"):
        check(pipeline, description, "GET", "/web/{file}", 200, file=name,
              headers={"Accept-Encoding": "identity"})
    check(pipeline, description, "GET", "/web/{file}", 404, file="no.js")
    reply = check(pipeline, description, "GET", "/openapi.json", 200)
    assert reply.text == description.text


def drive_methods(pipeline, description):
    """What no operation can describe: a method or path that is not there."""
    for path, item in description.root["paths"].items():
        known = {name.upper() for name in METHODS if name in item}
        one = description.operation(*next(key for key in routes()
                                          if key[1] == path))
        reply = pipeline.request("PATCH", description.path(one))
        assert reply.status == 405, reply
        assert set(reply.headers["Allow"].split(", ")) == known | (
            {"HEAD"} if "GET" in known else set()), path
        description.check_problem(reply)
    for path in ("/nothing", "/%zz"):
        description.check_problem(pipeline.get(path))


def drive_stopping(pipeline, description):
    """Asked to stop, the gateway waits for the orders that are open."""
    client = pipeline.client()
    pipeline.kill("payment", signal.SIGSTOP)
    pipeline.order(1, 1)
    assert client.request("GET", "/readyz").status == 200
    pipeline.children["gateway"].send_signal(signal.SIGTERM)
    wait_for(lambda: "event=draining" in pipeline.log("gateway"),
             what="the draining")
    reply = description.check(description.operation("GET", "/readyz"),
                              client.request("GET", "/readyz"))
    client.close()
    pipeline.kill("payment", signal.SIGCONT)
    assert reply.status == 503, reply


@contextlib.contextmanager
def gateway_alone(kind=Pipeline, **knobs):
    pipeline = kind(supervised=False, **knobs)
    try:
        pipeline.start_process("gateway")
        yield pipeline
    finally:
        pipeline.close()


def drive_guarded(description, path):
    tokens = {role: subprocess.run(
        [TREE / "scripts" / "make-token.sh", role, role, path], check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30).stdout.strip() for role in ("customer", "operator")}
    with gateway_alone(tokens=path) as pipeline:
        for one in description.operations:
            for status, headers in ((401, {}), (403, {
                    "Authorization": f"Bearer {tokens['customer']}"})):
                if (one.refuses(description, "forbidden") if status == 403
                        else "401" in one.node["responses"]):
                    reply = send(pipeline, description, one, headers=headers)
                    description.check(one, reply)
                    assert reply.status == status, reply


def drive_limited(description):
    with gateway_alone(http_rate=1) as pipeline:
        for one in description.operations:
            wait_for(lambda: description.check(one, send(
                pipeline, description, one)).status == 429,
                what=f"429 of {one}")


def drive_full(description, name, **knobs):
    """Commands that are refused for want of room."""
    with gateway_alone() as pipeline:
        pipeline.order(1, 1)
        pipeline.stop_process("gateway")
        pipeline.knobs.update(knobs)
        pipeline.start_process("gateway")
        for one in description.operations:
            if one.refuses(description, name):
                wait_for(lambda: name in description.check(one, send(
                    pipeline, description, one)).text, what=f"{name}: {one}")


@contextlib.contextmanager
def held(path):
    """While inside, the process whose file this is waits in its next sync."""
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class StalledPipeline(Pipeline):
    """The gateway's disk waits while hold() is entered."""

    def environment(self):
        return {**super().environment(), "STALL_DIR": str(self.directory),
                "LD_PRELOAD": str(preload_library("stall"))}

    def hold(self):
        return held(self.directory / "gateway")


def drive_stalled(description):
    with gateway_alone(StalledPipeline, reply_timeout="100ms",
                       http_connections=10) as pipeline:
        with pipeline.hold():
            pipeline.request("POST", "/orders", {"userId": 1, "productId": 1})
            for one in description.operations:
                if "503" in one.node["responses"] and not one.public and \
                        not one.path.startswith("/parked"):  # not the store's
                    reply = send(pipeline, description, one)
                    assert description.check(one, reply).status == 503, reply
            orders = description.operation("GET", "/orders")
            wait_for(lambda: "overloaded" in send(
                pipeline, description, orders).text, what="the overload")
            description.check(orders, send(pipeline, description, orders))


@pytest.fixture(scope="module", name="driven")
def _driven(tmp_path_factory):
    """The description, after all of it was asked for."""
    description = Description()
    place = tmp_path_factory.mktemp("openapi")
    seed = json.loads((TREE / "etc" / "seed.json").read_text())
    seed["products"].append({"id": 6, "price": "90071992547409.91"})
    (place / "seed.json").write_text(json.dumps(seed))
    with Pipeline(supervised=False, seed=place / "seed.json",
                  drain="60s") as pipeline:
        wait_for(lambda: pipeline.user_active(5), what="the seed's users")
        drive_orders(pipeline, description)
        drive_price_too_large(pipeline, description)
        drive_streams(pipeline, description)
        drive_products(pipeline, description)
        drive_users(pipeline, description)
        drive_parked(pipeline, description)
        drive_the_rest(pipeline, description)
        drive_generally(pipeline, description)
        drive_methods(pipeline, description)
        drive_stopping(pipeline, description)
    drive_guarded(description, place / "tokens")
    drive_limited(description)
    drive_full(description, "backlog-full", backlog=1)
    drive_full(description, "disk-floor", gateway_disk_floor=1 << 44)
    drive_catalogue_full(description)
    drive_stalled(description)
    return description


def test_every_described_answer_is_reached(driven):
    assert driven.documented() - driven.reached == set()


def test_every_problem_is_met(driven):
    listed = dict(PROBLEM.findall((GATEWAY / "http_problem.h").read_text()))
    assert set(listed) - driven.problems - UNREACHED_PROBLEMS == set()


# --- the page ----------------------------------------------------------------

SWAGGER = TREE / "docs" / "swagger" / "node_modules" / "swagger-ui-dist"


def test_docs_have_swagger_ui_of_our_own():
    with gateway_alone() as pipeline:
        page = pipeline.get("/docs")
        assert "/web/swagger-ui-bundle.js" in page.text
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        script = pipeline.get("/web/swagger-ui-bundle.js")
        assert script.text == re.sub(
            r"(?m)^//# sourceMappingURL=.*\n?", "",
            (SWAGGER / "swagger-ui-bundle.js").read_text())
        assert pipeline.get("/web/swagger-ui.css").status == 200
        for path in ("/web/../../../../etc/passwd", "/web/..%2f..%2fMakefile",
                     "/web/%2e%2e/%2e%2e/README.md", "/docs/../etc/seed.json",
                     "/web//etc/passwd", "/web/..", "/web/.npmrc",
                     "/web/main.js%00.css"):
            assert pipeline.get(path).status in (400, 404), path


def test_docs_without_swagger_ui_say_how_to_get_it(tmp_path, monkeypatch):
    subprocess.run(
        ["make", "-s", f"BIN={tmp_path}/bin", f"PAGES={tmp_path}/pages",
         f"{tmp_path}/bin/gateway"], cwd=TREE, check=True, timeout=600,
        env={**os.environ, "SWAGGER": str(tmp_path / "nothing")})
    monkeypatch.setattr("pipeline.BIN", tmp_path / "bin")
    with gateway_alone() as pipeline:
        page = pipeline.get("/docs")
        assert page.status == 200
        assert "./scripts/setup.sh --with-docs" in page.text
        assert 'href="/openapi.json"' in page.text
        assert "swagger-ui-bundle" not in page.text
        assert pipeline.get("/web/swagger-ui-bundle.js").status == 404
