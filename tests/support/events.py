"""A client of text/event-stream."""

import http.client
import json
import time

LIMIT_S = 60


class Event:
    """id (a number, or None), kind ("order"), data (the object)."""

    def __init__(self, fields):
        self.id = int(fields["id"]) if "id" in fields else None
        self.kind = fields.get("event", "message")
        self.data = json.loads(fields["data"])

    def __repr__(self):
        return f"<{self.id} {self.kind} {self.data}>"


class Events:
    """An open stream; it is open once this is made.

        with Events(pipeline, "/orders/stream") as events:
            event = events.next()
    """

    def __init__(self, pipeline, path, last=None, headers=None,
                 limit=LIMIT_S):
        self.beats = 0
        self.ended = False
        self.limit = limit
        self.connection = http.client.HTTPConnection(
            pipeline.url.removeprefix("http://"), timeout=limit)
        headers = dict(headers or {})
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        if self.status == 200:
            assert self.answer.headers["Content-Type"] == "text/event-stream"
            assert self.answer.readline() == b"retry: 1000\n"
            assert self.answer.readline() == b"\n"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.answer.close()
        self.connection.close()

    def next(self):
        """The next event, or None at the stream's end."""
        fields, limit = {}, time.monotonic() + self.limit
        while True:
            line = self.answer.readline().decode()
            if line == "":
                self.ended = True
                return None
            if line.startswith(":"):
                self.beats += 1
                assert time.monotonic() < limit, "nothing but beats"
            elif line == "\n" and "data" in fields:
                return Event(fields)
            elif line == "\n":
                fields = {}  # an id alone: where the stream begins
            else:
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value

    def until(self, condition):
        """All events up to and with the first that fulfils it."""
        events = []
        while not events or not condition(events[-1]):
            event = self.next()
            assert event is not None, f"the stream ended after {events[-3:]}"
            events.append(event)
        return events

    def beat(self):
        """Waits for a heartbeat."""
        while not self.answer.readline().startswith(b": alive"):
            pass
