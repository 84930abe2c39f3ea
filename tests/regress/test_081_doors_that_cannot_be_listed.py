"""081: GET /parked passed over participants without a word.

Where HOME/run could not be listed, or not to its end, those whose doors had
not been found were left out, and the answer was 200.
"""
import errno
import urllib.error
import urllib.request

import pytest

from pipeline import Pipeline, wait_for
from powercut_rig import preload_library


class FailingRun(Pipeline):
    def __init__(self):
        super().__init__(supervised=False)
        self.faults = self.directory / "faults"
        self.faults.mkdir()

    def environment(self):
        return {**super().environment(),
                "LD_PRELOAD": str(preload_library("diskfault")),
                "DISKFAULT_DIR": str(self.faults),
                "DISKFAULT_BELOW": str(self.home / "run")}


def refused(pipeline):
    reply = pipeline.request("GET", "/parked")
    assert reply.status == 503, reply
    assert reply.json["type"].endswith("participant-silent")
    assert reply.json["detail"].startswith("HOME/run can't be listed")
    assert "participant" not in reply.json
    line = [line for line in pipeline.log("gateway").splitlines()
            if "event=doors_unknown" in line][-1]
    assert f"path={pipeline.home}/run" in line


@pytest.mark.parametrize("nth", [1, 5])
def test_081_list_that_breaks_off(nth):
    with FailingRun() as pipeline:
        assert pipeline.request("GET", "/parked").status == 200
        draft = pipeline.directory / "draft"
        draft.write_text(f"readdir {errno.EIO} {nth} once")
        draft.rename(pipeline.faults / "gateway")
        refused(pipeline)
        assert "Input/output error" in pipeline.log("gateway")
        wait_for(lambda: not (pipeline.faults / "gateway").exists())
        assert pipeline.request("GET", "/parked").status == 200


def test_081_directory_that_is_gone():
    with FailingRun() as pipeline:
        url = pipeline.url
        moved = pipeline.home / "moved"
        (pipeline.home / "run").rename(moved)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{url}/parked", timeout=60)
        moved.rename(pipeline.home / "run")
        assert refusal.value.code == 503
        assert b"HOME/run can't be listed" in refusal.value.read()
