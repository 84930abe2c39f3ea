"""A disk that fails or is full, under each process.

| disk                               | what must be                             |
|------------------------------------|------------------------------------------|
| a call fails once, or goes on to   | the process ends with 111 and one clear  |
| (libdiskfault.so: write, fsync and | line; or it refuses (503), waits, and    |
| open, with EIO and ENOSPC)         | goes on when there is room               |
| a small file system, full          | the same                                 |

Afterwards, with the fault gone and what ended started again: every order that
was answered is there once and ended, the money adds up, and `sagactl verify`
finds nothing.
"""

import errno
import http.client
import os
import subprocess

import pytest

from load import Load
from pipeline import START_ORDER, STOP_LIMIT_S, Pipeline, wait_for
from powercut_rig import preload_library
from proof import (USERS, assert_all_ended, assert_verified, open_orders,
                   open_users)

EXIT_SYSTEM = 111
FAULTS = [("write", errno.EIO), ("write", errno.ENOSPC),
          ("fsync", errno.EIO), ("fsync", errno.ENOSPC),
          ("open", errno.EIO), ("open", errno.ENOSPC)]
NAMES = [f"{call}-{errno.errorcode[number]}" for call, number in FAULTS]
SMALL_DISK_BYTES = 160 << 20
# Small logs and segments, so that files are opened often; no floor, so that
# nothing is refused before the disk itself refuses.
SMALL = {"cache": "1m", "checkpoint": "1m", "checkpoint_time": "1s",
         "segment": "64k", "disk_floor": 0, "gateway_disk_floor": 0}


class FailingDisk(Pipeline):
    def __init__(self):
        super().__init__(supervised=False, **SMALL)
        self.library = preload_library("diskfault")
        self.faults = self.directory / "faults"
        self.faults.mkdir()

    def environment(self):
        return {**super().environment(), "LD_PRELOAD": str(self.library),
                "DISKFAULT_DIR": str(self.faults),
                "DISKFAULT_BELOW": str(self.home / "data")}

    def fail(self, process, call, number, how):
        draft = self.directory / "draft"
        draft.write_text(f"{call} {number} 1 {how}")
        draft.rename(self.faults / process)

    def heal(self, process):
        (self.faults / process).unlink(missing_ok=True)


def ends_clearly(pipeline, process):
    """It ends for the world's sake, and its log says why."""
    code = pipeline.children.pop(process).wait(STOP_LIMIT_S)
    assert code == EXIT_SYSTEM, f"{process}: {code}\n{pipeline.log(process)}"
    assert_told(pipeline.log(process))


def assert_told(log):
    lines = [line for line in log.splitlines() if "event=store_failed" in line]
    assert lines, log[-2000:]
    assert "rc=io" in lines[0] or "rc=no_space" in lines[0]


def struck(pipeline, process):
    """It ended, or told of the fault: then it may go on, or just be ending."""
    return pipeline.children[process].poll() is not None or \
        "event=store_" in pipeline.log(process)


def dead(pipeline):
    return [name for name, child in pipeline.children.items()
            if child.poll() is not None]


def restart(pipeline):
    """Starts what the fault ended, however late."""
    for process in dead(pipeline):
        ends_clearly(pipeline, process)
    for process in START_ORDER:
        if process not in pipeline.children:
            pipeline.start_process(process)


def answers(pipeline, load, goal):
    restart(pipeline)
    return len(load.answered) >= goal


def all_ended(pipeline):
    restart(pipeline)
    try:
        return open_orders(pipeline) == 0
    except (OSError, http.client.HTTPException):
        return False  # the gateway ends only now


def assert_recovers(pipeline, load):
    goal = len(load.answered) + 20
    wait_for(lambda: answers(pipeline, load, goal), what="20 more answers")
    load.stopping.set()
    load.thread.join()
    wait_for(lambda: all_ended(pipeline), 120, "the end of all orders")
    assert_all_ended(pipeline, load.answered)
    assert_verified(pipeline)


@pytest.fixture
def failing():
    pipeline = FailingDisk()
    yield pipeline
    pipeline.close()


def call_fails(pipeline, process, fault, how):
    call, number = fault
    pipeline.start()
    open_users(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(20)
        pipeline.fail(process, call, number, how)
        wait_for(lambda: struck(pipeline, process), 60,
                 f"{process} meeting the fault")
        assert "diskfault: " in pipeline.log(process)
        if call != "open":
            ends_clearly(pipeline, process)
        pipeline.heal(process)
        assert_recovers(pipeline, load)


@pytest.mark.parametrize("process, fault", [
    ("broker", ("write", errno.ENOSPC)), ("payment", ("fsync", errno.EIO)),
    ("gateway", ("write", errno.ENOSPC)), ("gateway", ("fsync", errno.EIO))],
    ids=["broker-write", "payment-fsync", "gateway-write", "gateway-fsync"])
def test_g1_disk_that_fails_loses_nothing_answered(failing, process, fault):
    call_fails(failing, process, fault, "on")


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
@pytest.mark.parametrize("process", START_ORDER)
def test_g1_any_failing_call_loses_nothing_answered(failing, process, fault):
    call_fails(failing, process, fault, "on")


@pytest.mark.long
@pytest.mark.parametrize("process", START_ORDER)
def test_one_failed_flush_is_never_tried_again(failing, process):
    call_fails(failing, process, ("fsync", errno.EIO), "once")


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_start_on_a_failing_disk_says_so(failing, fault):
    """The ledger: all four open their stores with the same code."""
    call, number = fault
    failing.fail("ledger", call, number, "on")
    with pytest.raises(RuntimeError) as failure:
        failing.start_process("ledger")
    assert f"exit code {EXIT_SYSTEM}" in str(failure.value)
    assert os.strerror(number) in failing.log("ledger")
    failing.children.pop("ledger")
    failing.heal("ledger")
    failing.start()
    assert failing.ended(failing.order(5, 1))["status"] == "ORDER_COMPLETED"


# --- a small file system -----------------------------------------------------

def mount(kind, directory, image):
    """A file system of SMALL_DISK_BYTES; the test ends here if we may not."""
    if kind == "tmpfs":
        commands = [["mount", "-t", "tmpfs", "-o",
                     f"size={SMALL_DISK_BYTES}", "none", directory]]
    else:
        image.touch()
        os.truncate(image, SMALL_DISK_BYTES)
        commands = [["mkfs.ext4", "-q", "-F", image],
                    ["mount", "-o", "loop", image, directory]]
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True,
                                  timeout=60)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode != 0:
            pytest.skip(f"no right to mount a small {kind}: {done.stderr}")
    directory.chmod(0o700)


@pytest.fixture(params=["tmpfs", "ext4"])
def small(request):
    """A pipeline with its stores, and not its logs, on a small disk."""
    pipeline = Pipeline(supervised=False, **SMALL)
    pipeline.data = pipeline.home / "data"
    pipeline.data.mkdir(parents=True, mode=0o700)
    pipeline.home.chmod(0o700)
    mount(request.param, pipeline.data, pipeline.directory / "image")
    yield pipeline
    pipeline.end()
    subprocess.run(["umount", "-l", pipeline.data], check=True, timeout=60)
    pipeline.close()


def fill(path):
    """Takes what is left of the disk."""
    with open(path, "ab", buffering=0) as ballast:
        for size in (1 << 20, 4096, 512):
            try:
                while ballast.write(bytes(size)) == size:
                    continue
            except OSError as error:
                assert error.errno == errno.ENOSPC


def fill_but(path, left):
    """Takes the disk's room but for some bytes."""
    disk = os.statvfs(path.parent)
    with open(path, "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0,
                           disk.f_bavail * disk.f_frsize - left)


def refused(pipeline):
    """The reply to an order that is refused; None if it is taken."""
    reply = pipeline.request("POST", "/orders",
                             {"userId": USERS[0], "productId": 1})
    return reply if reply.status == 503 else None


def test_g7_full_disk_is_told_and_recovered_from(small):
    small.start()
    open_users(small)
    with Load(small, USERS) as load:
        load.wait(20)
        fill(small.data / "ballast")
        wait_for(lambda: dead(small), 120, "a process that has no room")
        for process in dead(small):
            ends_clearly(small, process)
            # It is as full as before, and is told again.
            with pytest.raises(RuntimeError) as failure:
                fill(small.data / "ballast")
                small.start_process(process)
            assert f"exit code {EXIT_SYSTEM}" in str(failure.value)
            small.children.pop(process)
        (small.data / "ballast").unlink()
        assert_recovers(small, load)


def test_g7_disk_below_its_floor_refuses_and_goes_on(small):
    """What the floors are for: no process ends."""
    # Far apart: what is on its way still needs room, and a look at the disk
    # is half a second old.
    small.knobs.update(disk_floor="16m", gateway_disk_floor="64m")
    small.start()
    open_users(small)
    with Load(small, USERS) as load:
        load.wait(20)
        fill_but(small.data / "ballast", 60 << 20)
        reply = wait_for(lambda: refused(small), 60, "a refusal")
        assert reply.json["type"] == "/problems/disk-floor"
        assert int(reply.headers["Retry-After"]) >= 1
        assert not dead(small)
        (small.data / "ballast").unlink()
        assert_recovers(small, load)
