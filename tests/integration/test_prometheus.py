"""/metrics as Prometheus sees it: Debian's promtool and a real server, the alert rules and the Grafana
dashboard."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import pytest

from pipeline import Pipeline, free_port, wait_for

TREE = pathlib.Path(__file__).resolve().parents[2]
RULES = TREE / "etc" / "prometheus" / "sagapipe.rules.yml"
DASHBOARD = TREE / "etc" / "grafana" / "sagapipe.json"
LIMIT_S = 60
NAMES = ("broker", "payment", "ledger", "gateway")

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: sagapipe
    static_configs: [{{targets: ["{target}"]}}]
"""


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False, **options)


class Prometheus:
    """A server of our own: its directory, its port."""

    def __init__(self, target):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="prom-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        config = self.directory / "prometheus.yml"
        config.write_text(CONFIG.format(rules=RULES, target=target))
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}",
                 f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address={self.url.removeprefix('http://')}"],
                stdout=log, stderr=log)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)

    def get(self, path):
        """The data of an answer; None while there is none."""
        assert self.process.poll() is None, \
            (self.directory / "log").read_text()
        try:
            with urllib.request.urlopen(self.url + path,
                                        timeout=LIMIT_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:       # it still starts
                return None
            raise AssertionError(error.read().decode()) from error
        except OSError:
            return None

    def query(self, expression):
        """{labels as a frozenset: value}; None while it starts."""
        data = self.get("/api/v1/query?" + urllib.parse.urlencode(
            {"query": expression}))
        return data and {frozenset(row["metric"].items()):
                         float(row["value"][1]) for row in data["result"]}

    def value(self, expression):
        values = self.query(expression)
        return next(iter(values.values())) if values else None


@pytest.fixture(name="pipeline", scope="module")
def _pipeline():
    with Pipeline() as pipeline:
        for _ in range(3):      # two are completed, one is failed
            pipeline.ended(pipeline.order(1, 1))
        wait_for(lambda: pipeline.metric('sagapipe_up{process="ledger"}') == 1,
                 what="the reports of all")
        yield pipeline


@pytest.fixture(name="server", scope="module")
def _server(pipeline):
    server = Prometheus(pipeline.url.removeprefix("http://"))
    try:
        wait_for(lambda: server.value('up{job="sagapipe"}') == 1, LIMIT_S,
                 "the first scrape")
        yield server
    finally:
        server.close()


def families(text):
    """The names of all samples."""
    return {re.match(r"\w+", line)[0] for line in text.splitlines()
            if not line.startswith("#")}


def dashboard_queries():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def rule_queries():
    return re.findall(r"^\s+expr: (.*)$", RULES.read_text(), re.MULTILINE)


def test_promtool_accepts_the_metrics(pipeline):
    text = pipeline.get("/metrics").text
    result = run("promtool", "check", "metrics", input=text)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_metrics_tell_of_the_whole_pipeline(pipeline):
    def value(name):
        return pipeline.metric("sagapipe_" + name)

    def settled():
        return (value('topic_end_offset{topic="orders",partition="0"}') == 8
                and value('consumer_lag{consumer="gateway",'
                          'topic="transactions",partition="0"}') == 0
                and all(value(f'batch_events_count{{process="{name}"}}')
                        for name in NAMES)
                and all(value(f'outbox_backlog{{process="{name}"}}') == 0
                        for name in NAMES if name != "broker"))
    wait_for(settled, what="the broker's word")
    assert value('orders_refused_total{reason="INSUFFICIENT_CREDIT"}') == 1
    assert value('saga_duration_seconds_bucket{le="+Inf"}') == 3
    assert value("saga_duration_seconds_count") == 3
    assert value("saga_duration_seconds_sum") > 0
    assert value("oldest_open_order_seconds") == 0
    for name in NAMES:
        process = f'{{process="{name}"}}'
        assert value("up" + process) == 1
        assert value("process_uptime_seconds" + process) > 0
        assert value("process_restarts_total" + process) == 0
        assert value("process_resident_memory_bytes" + process) > 1 << 20
        assert value("fsync_seconds_count" + process) > 0
        if name != "broker":
            assert value("parked_events" + process) == 0


def test_prometheus_scrapes_a_running_pipeline(pipeline, server):
    completed = 'sagapipe_orders_total{status="ORDER_COMPLETED"}'
    assert server.value(completed) == 2
    pipeline.ended(pipeline.order(3, 1))
    wait_for(lambda: server.value(completed) == 3, LIMIT_S, "the next scrape")
    assert server.value("count(sagapipe_up == 1)") == 4
    targets = server.get("/api/v1/targets")["activeTargets"]
    assert [target["health"] for target in targets] == ["up"]
    assert targets[0]["lastError"] == ""


def test_prometheus_evaluates_every_rule(server):
    def evaluated():
        groups = server.get("/api/v1/rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return (rules and all(rule["health"] == "ok" for rule in rules)
                and rules)
    rules = wait_for(evaluated, LIMIT_S, "the rules' evaluation")
    assert len(rules) == len(rule_queries())
    assert {rule["name"] for rule in rules if rule["state"] == "firing"} \
        == set()


def test_every_metric_that_is_asked_for_exists(pipeline, server):
    known = families(pipeline.get("/metrics").text) | {"up"}
    asked = set()
    for expression in rule_queries() + [
            query for _, query in dashboard_queries()]:
        names = set(re.findall(r"\b(?:sagapipe_\w+|process_\w+|up)\b",
                               re.sub(r"\{.*?\}", "", expression)))
        assert names and names <= known, (expression, names - known)
        asked |= names
    assert len(asked) > 15
    for title, query in dashboard_queries():
        query = query.replace("$__rate_interval", "1m") \
            .replace("$instance", ".*")
        assert server.query(query) is not None, title


def test_promtool_accepts_the_rules():
    result = run("promtool", "check", "rules", str(RULES))
    assert result.returncode == 0, result.stdout + result.stderr
    result = run("promtool", "test", "rules",
                 str(TREE / "tests/integration/sagapipe.rules.test.yml"))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.long
def test_an_alert_tells_of_a_process_that_is_gone(pipeline, server):
    (pipeline.home / "run" / "payment.down").touch()
    pipeline.kill("payment")
    wait_for(lambda: server.value(
        'ALERTS{alertname="SagapipeProcessDown",process="payment"}') == 1,
             LIMIT_S, "the alert")
    assert server.value('sagapipe_up{process="ledger"}') == 1
    assert server.value('sagapipe_process_report_age_seconds'
                        '{process="payment"}') > 4
