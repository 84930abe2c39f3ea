"""tell.py HOME FIELDS: a Transaction event with these fields (JSON), of a ledger that is none of ours."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from sagabus import Bus, event  # noqa: E402 (the path comes first)

home, fields = sys.argv[1:]
with Bus(f"ipc://{home}/run/broker.ipc") as bus:
    bus.open("ledger-9")
    bus.produce("transactions", 0, [event(
        "Transaction", status="SUCCESSFUL", decidedAt=1, **json.loads(fields))])
