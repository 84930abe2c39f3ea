"""What the tests of running processes share: harness, logs on failure."""

import contextlib
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from pipeline import BIN, START_ORDER, Pipeline  # noqa: E402 (the path comes first)


# Above what any test takes: one that waits for ever fails, and the others run.
TEST_LIMIT_S = 1200


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "long: takes a minute; only test-all.sh --long runs it")
    # What a thread asserts is asserted: without this it is only a warning.
    config.addinivalue_line(
        "filterwarnings",
        "error::pytest.PytestUnhandledThreadExceptionWarning")


def pytest_sessionstart():
    missing = [name for name in START_ORDER if not (BIN / name).exists()]
    if missing:
        pytest.exit(f"{BIN} lacks {', '.join(missing)}: run make first, or "
                    "set SAGA_BIN", 100)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    def over(number, frame):
        raise TimeoutError(f"{item.nodeid} takes more than {TEST_LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(TEST_LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Whatever fails, and whoever made the pipelines: their logs are shown."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections.extend(
            (f"logs of {pipeline.home}", pipeline.last_log_lines())
            for pipeline in Pipeline.made)
    if report.when == "teardown":
        Pipeline.made[:] = [pipeline for pipeline in Pipeline.made
                            if not pipeline.closed]


@pytest.fixture
def make_pipeline():
    """Makes pipelines that are not started yet, and ends them all."""
    with contextlib.ExitStack() as stack:
        def make(**settings):
            pipeline = Pipeline(**settings)
            stack.callback(pipeline.close)
            return pipeline

        yield make


@pytest.fixture
def pipeline(make_pipeline):
    """A supervised pipeline that runs."""
    return make_pipeline().start()
