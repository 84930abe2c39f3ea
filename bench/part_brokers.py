"""Part 5: our broker beside NATS JetStream and Redis Streams.

Servers of our own on free ports, each measurement with a new one: an empty
stream, an empty disk.  brokers.c drives all of them.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile

from rig import Wrong, say, tool, wait_for

BATCHES = (1, 100, 1000)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmHWM:\s+(\d+)", text, re.MULTILINE).group(1)) * 1024


@contextlib.contextmanager
def server(command, directory, port):
    with open(directory / "log", "wb") as log, \
            subprocess.Popen(command, cwd=directory, stdout=log,
                             stderr=log) as process:
        try:
            wait_for(lambda: listens(port) or process.poll() is not None, 30,
                     f"{command[0]} at its port")
            if process.poll() is not None:
                raise Wrong(f"{command[0]}: "
                            f"{(directory / 'log').read_text()[-500:]}")
            yield process
        finally:
            process.terminate()


def nats_program():
    # Debian puts it where only root looks.
    path = os.environ["PATH"] + ":/usr/sbin"
    found = [entry for entry in (pathlib.Path(directory) / "nats-server"
                                 for directory in path.split(":"))
             if entry.exists()]
    if not found:
        raise Wrong("no nats-server: scripts/setup.sh --with-bench")
    return found[0]


def nats_config(directory, port, synced):
    path = directory / "nats.conf"
    extra = ", sync_interval: always" if synced else ""
    path.write_text(f"listen: 127.0.0.1:{port}\n"
                    f'jetstream {{ store_dir: "{directory}"{extra} }}\n')
    return path


def nats_syncs():
    """Does this version know sync_interval?"""
    with tempfile.TemporaryDirectory(prefix="saga-") as directory:
        path = nats_config(pathlib.Path(directory), 1, True)
        return subprocess.run([nats_program(), "-t", "-c", path], check=False,
                              capture_output=True).returncode == 0


@contextlib.contextmanager
def nats(synced):
    with tempfile.TemporaryDirectory(prefix="saga-") as name:
        directory, port = pathlib.Path(name), free_port()
        config = nats_config(directory, port, synced)
        with server([nats_program(), "-c", config], directory, port) as process:
            yield f"127.0.0.1:{port}", process.pid


@contextlib.contextmanager
def redis():
    with tempfile.TemporaryDirectory(prefix="saga-") as name:
        port = free_port()
        with server(["redis-server", "--bind", "127.0.0.1", "--port",
                     str(port), "--dir", name, "--save", "", "--appendonly",
                     "yes", "--appendfsync", "always",
                     "--auto-aof-rewrite-percentage", "0"],
                    pathlib.Path(name), port) as process:
            yield f"127.0.0.1:{port}", process.pid


@contextlib.contextmanager
def sagapipe(bench):
    with bench.pipeline(users=0, topics="bench") as pipeline:
        yield (f"ipc://{pipeline.home}/run/broker.ipc", pipeline.pid("broker"))


def run(bench):
    seconds = bench.seconds(3)
    syncs = nats_syncs()
    kinds = [("sagapipe", "sagapipe", "each", lambda: sagapipe(bench)),
             ("sagapipe, libzmq", "sagapipe-libzmq", "each",
              lambda: sagapipe(bench)),
             ("NATS", "nats", "each", lambda: nats(False)),
             ("Redis", "redis", "each", redis),
             ("NATS, packed", "nats", "packed", lambda: nats(False)),
             ("Redis, packed", "redis", "packed", redis)]
    if syncs:
        kinds.insert(3, ("NATS, synced", "nats", "each", lambda: nats(True)))
    runs = []
    for label, name, shape, begin in kinds:
        for batch in BATCHES:
            if shape == "packed" and batch == 1:
                continue
            say(f"  {label}, batches of {batch}, 2 x {seconds} s")
            with begin() as (address, pid):
                figures = tool("brokers", name, address, batch, seconds, shape)
                figures["peak"] = resident(pid)
            figures["label"] = label
            runs.append(figures)
    return {"runs": runs, "nats_syncs": syncs}
