"""045: the OPEN of a process that had died, read by the broker after its
successor's, fenced the successor: 120, and a human had to start it again.

The broker reads connections in any order.  Here the first life opens at a
broker that the test plays, and is killed; what it said there is handed to the
true broker when the second life is in.
"""

import struct

import pytest
import zmq

OPENS = (1, 16)     # OPEN, OPEN_STORE
ERROR, FENCED = 11, 9
LIMIT_MS = 30000


def first_life_says(pipeline, name, directory):
    """Starts NAME at a broker of ours, kills it; the frame that opened."""
    real, endpoint = pipeline.knobs.get("bus"), f"ipc://{directory}/bus"
    with zmq.Context.instance().socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.bind(endpoint)
        pipeline.knobs["bus"] = endpoint
        pipeline.start_process(name)
        frame = b""
        while len(frame) < 12 or frame[3] not in OPENS:
            assert router.poll(LIMIT_MS), "it did not open"
            frame = router.recv_multipart()[-1]
        pipeline.kill(name)
    if real is None:
        del pipeline.knobs["bus"]
    else:
        pipeline.knobs["bus"] = real
    return frame


@pytest.mark.parametrize("name", ["payment", "ledger", "gateway"])
def test_045_late_open_changes_nothing(make_pipeline, tmp_path, name):
    pipeline = make_pipeline(supervised=False)
    others = [one for one in ("payment", "ledger", "gateway") if one != name]
    late = first_life_says(pipeline, name, tmp_path)
    for one in ("broker", *others, name):
        pipeline.start_process(one)
    pipeline.ended(pipeline.order(1, 1))
    with zmq.Context.instance().socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(f"ipc://{pipeline.home}/run/broker.ipc")
        dealer.send(late)
        assert dealer.poll(LIMIT_MS), "no answer"
        reply = dealer.recv()
    assert pipeline.ended(
        pipeline.order(1, 1))["status"] == "ORDER_COMPLETED"
    assert reply[3] == ERROR
    assert struct.unpack_from(">H", reply, 12) == (FENCED,)
    assert pipeline.children[name].poll() is None
