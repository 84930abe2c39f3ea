"""Wrong use: one clear line on stderr, exit 100, nothing changed."""

import fcntl
import os
import socket
import subprocess

import pytest

from pipeline import BIN, START_ORDER, TREE, Pipeline, clean_environment

WRONG = [
    # environment, arguments, a word that the line must hold
    ({"SAGAPIPE_NONSENSE": "1"}, [], "SAGAPIPE_NONSENSE"),
    ({"SAGAPIPE_HTTP": "x"}, [], "SAGAPIPE_HTTP"),
    ({"SAGAPIPE_PARTITIONS": "0"}, [], "SAGAPIPE_PARTITIONS"),
    ({"SAGAPIPE_CACHE": "12 bananas"}, [], "SAGAPIPE_CACHE"),
    ({"SAGAPIPE_CURRENCY": "dollars"}, [], "SAGAPIPE_CURRENCY"),
    ({"SAGAPIPE_HOME": "x" * 81}, [], "SAGAPIPE_HOME"),
    ({"SAGAPIPE_CONFIG": "/nonexistent/file"}, [], "/nonexistent/file"),
    ({}, ["--nonsense"], "nonsense"),
    ({}, ["--http", "1.2.3.4:99999"], "http"),
    ({}, ["--partitions", "x"], "partitions"),
    ({}, ["--drain"], "drain"),
]
IDS = ["unknown_variable", "http", "too_few", "bytes", "currency",
       "long_home", "no_file", "unknown_flag", "port", "no_number",
       "no_value"]


def run(name, environment=None, arguments=(), program=None, limit=30):
    return subprocess.run(
        [program or BIN / name, *arguments], cwd=TREE,
        env=clean_environment(SAGA_BIN=str(BIN), **(environment or {})),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=limit)


def assert_refused(result, word):
    assert result.returncode == 100, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert word in lines[0], result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("environment, arguments, word", WRONG, ids=IDS)
@pytest.mark.parametrize("name", START_ORDER)
def test_wrong_knob_refused(tmp_path, name, environment, arguments, word):
    home = tmp_path / "home"
    environment = {"SAGAPIPE_HOME": str(home), **environment}
    assert_refused(run(name, environment, arguments), word)
    assert not home.exists()


@pytest.mark.parametrize("environment, arguments, word", WRONG[:7],
                         ids=IDS[:7])
def test_wrong_knob_refused_by_start_all(tmp_path, environment, arguments,
                                         word):
    home = tmp_path / "home"
    environment = {"SAGAPIPE_HOME": str(home), **environment}
    if len(environment["SAGAPIPE_HOME"]) > 80:
        environment["SAGAPIPE_HOME"] = str(tmp_path / ("x" * 81))
    result = run("start-all", environment,
                 program=TREE / "scripts" / "start-all.sh")
    assert_refused(result, word)
    assert list(tmp_path.iterdir()) == []


def test_wrong_key_in_file_refused(tmp_path):
    config = tmp_path / "sagapipe.conf"
    config.write_text(f"home = {tmp_path}/home\nhtp = 127.0.0.1:1\n")
    result = run("gateway", {"SAGAPIPE_CONFIG": str(config)})
    assert_refused(result, "htp")
    assert not (tmp_path / "home").exists()


def test_file_gives_home_and_port(make_pipeline, tmp_path):
    """start-all.sh and the processes read the same file."""
    pipeline = make_pipeline()
    config = tmp_path / "sagapipe.conf"
    config.write_text(f"home = {pipeline.home}\nhttp = 127.0.0.1:0\n")
    environment = clean_environment(SAGA_BIN=str(BIN),
                                    SAGAPIPE_CONFIG=str(config))
    pipeline.environment = lambda: environment
    pipeline.start()
    assert pipeline.json("/healthz")["status"] == "ok"
    assert pipeline.pid("supervisor")


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_busy_port_refused_by_start_all(make_pipeline, busy_port):
    pipeline = make_pipeline(http=f"127.0.0.1:{busy_port}")
    assert_refused(pipeline.script("start-all.sh"), str(busy_port))
    assert not pipeline.home.exists()


def test_busy_port_refused_by_gateway(tmp_path, busy_port):
    home = tmp_path / "home"
    result = run("gateway", {"SAGAPIPE_HOME": str(home),
                             "SAGAPIPE_HTTP": f"127.0.0.1:{busy_port}"})
    assert_refused(result, str(busy_port))
    assert not (home / "data" / "gateway" / "orders").exists()


@pytest.mark.parametrize("name", START_ORDER)
def test_held_store_refused(tmp_path, name):
    """Somebody holds the lock: his pid is told, and nothing is touched."""
    home = tmp_path / "home"
    store = home / "data" / name
    store.mkdir(parents=True)
    with open(store / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        environment = {"SAGAPIPE_HOME": str(home),
                       "SAGAPIPE_HTTP": "127.0.0.1:0"}
        assert_refused(run(name, environment), str(os.getpid()))
        result = run("start-all", environment,
                     program=TREE / "scripts" / "start-all.sh")
        assert_refused(result, str(os.getpid()))
    assert [path.name for path in store.iterdir()] == ["lock"]
    assert [path.name for path in (home / "data").iterdir()] == [name]


def test_second_process_on_a_running_store_refused(pipeline):
    environment = {"SAGAPIPE_HOME": str(pipeline.home),
                   "SAGAPIPE_HTTP": "127.0.0.1:0"}
    for name in START_ORDER:
        assert_refused(run(name, environment), str(pipeline.pid(name)))
    assert pipeline.ended(pipeline.order(1, 1))["status"] == "ORDER_COMPLETED"


@pytest.mark.parametrize("name", START_ORDER)
def test_home_below_a_file_refused(tmp_path, name):
    (tmp_path / "file").write_text("kept\n")
    environment = {"SAGAPIPE_HOME": str(tmp_path / "file" / "home"),
                   "SAGAPIPE_HTTP": "127.0.0.1:0"}
    assert_refused(run(name, environment), "file")
    assert (tmp_path / "file").read_text() == "kept\n"


@pytest.mark.parametrize("where", ["file", "file/home", "missing\0"[:0]])
def test_home_that_cannot_be_refused_by_start_all(tmp_path, where):
    (tmp_path / "file").write_text("kept\n")
    home = tmp_path / where if where else "/proc/1/home"
    result = run("start-all", {"SAGAPIPE_HOME": str(home),
                               "SAGAPIPE_HTTP": "127.0.0.1:0"},
                 program=TREE / "scripts" / "start-all.sh")
    assert_refused(result, str(home))
    assert (tmp_path / "file").read_text() == "kept\n"


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists(
    "/usr/bin/setpriv"), reason="needs an ordinary user")
@pytest.mark.parametrize("program", [
    BIN / "payment", TREE / "scripts" / "start-all.sh"],
    ids=["payment", "start_all"])
def test_home_of_another_user_refused(tmp_path, program):
    """As a user who may not write there (root always may)."""
    if os.geteuid() == 0 and not all(above.stat().st_mode & 0o001
                                     for above in program.parents):
        pytest.skip("the tree is not open to other users")
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if above.owner() != "root" or above == above.parent:
            break
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    command = []
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534",
                   "--clear-groups"]
    else:
        home.chmod(0o555)
    result = subprocess.run(
        [*command, program], cwd="/", timeout=30, text=True,
        env=clean_environment(SAGA_BIN=str(BIN), SAGAPIPE_HOME=str(home),
                              SAGAPIPE_HTTP="127.0.0.1:0"),
        capture_output=True)
    assert_refused(result, str(home))
    assert list(home.iterdir()) == []


def test_two_pipelines_may_not_share_a_port(make_pipeline, pipeline):
    port = pipeline.url.rsplit(":", 1)[1]
    other = make_pipeline(http=f"127.0.0.1:{port}")
    assert_refused(other.script("start-all.sh"), port)
    assert isinstance(other, Pipeline) and not other.home.exists()
