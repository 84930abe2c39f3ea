"""The power goes for all processes at once; no answered order is missing.

`tests/fault/powercut.py --cuts N` runs as many cuts as wanted; what the disk
under the processes models and what not is in tests/preload/powercut.c.
"""

import random

import pytest

import powercut

CUTS = [15, pytest.param(50, marks=pytest.mark.long)]
TORN_CUTS = 60


@pytest.fixture
def seed():
    number = random.SystemRandom().getrandbits(32)
    print(f"seed {number}")
    return number


@pytest.mark.parametrize("cuts", CUTS)
def test_power_loss_loses_no_answered_order(seed, cuts):
    tally = powercut.run(cuts, seed)
    lost, kept, _, _ = tally.counts
    assert lost > 0 and kept > 0, f"no cut met anything unsynced: {tally}"


def test_power_loss_on_lying_disk_is_noticed(seed):
    """A test of the test: this disk says that it synced, and keeps nothing."""
    with pytest.raises((AssertionError, RuntimeError)) as failure:
        powercut.run(5, seed, POWERCUT_SYNC_LIES=1, POWERCUT_PLAN=0)
    assert "<404 " in str(failure.value) or \
        "exit code 120" in str(failure.value)


@pytest.mark.long
def test_power_loss_tearing_pages_is_recovered_or_refused(seed):
    """4 KiB blocks tear here: a table's page that does may end a store, which
    is then refused by name, and never taken for good."""
    try:
        powercut.run(TORN_CUTS, seed, POWERCUT_PAGE=512)
    except RuntimeError as failure:
        assert "exit code 120" in str(failure)
        assert "event=store_failed rc=damaged" in str(failure)
