"""Orders posted from a thread, while a test breaks things."""

import http.client
import threading

from pipeline import wait_for


class Load:
    """Posts orders of `users` in turn, product 1, until stopped.  A broken
    connection or a refusal is tried again: `answered` has the ids that came
    back with 201, and only they are promised.  Any other answer ends it, and
    is raised where the test waits for it or leaves it.

        with Load(pipeline, users) as load:
            load.wait(100)     # answers from now on
            ...
        load.answered
    """

    def __init__(self, pipeline, users, product=1):
        self.pipeline = pipeline
        self.users = users
        self.product = product
        self.answered = []
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopping.set()
        self.thread.join(30)
        assert not self.thread.is_alive(), "the load does not end"
        if kind is None:        # what the test itself found comes first
            self.raise_failure()

    def raise_failure(self):
        if self.failure is not None:
            raise self.failure

    def wait(self, count):
        """Until that many more orders are answered."""
        goal = len(self.answered) + count

        def reached():
            self.raise_failure()
            return len(self.answered) >= goal
        wait_for(reached, what=f"{count} more answered orders")

    def run(self):
        try:
            self.post()
        except BaseException as failure:  # a thread's own is seen by nobody
            self.failure = failure

    def post(self):
        client = None
        number = 0
        while not self.stopping.is_set():
            user = self.users[number % len(self.users)]
            try:
                client = client or self.pipeline.client()
                reply = client.request("POST", "/orders", {
                    "userId": user, "productId": self.product})
            except (OSError, http.client.HTTPException):
                # It is down, or on another port by now.
                client = None
                self.stopping.wait(0.01)
                continue
            if reply.status == 201:
                self.answered.append(reply.json["id"])
                number += 1
            else:
                assert reply.status == 503, reply
                self.stopping.wait(0.01)
        if client is not None:
            client.close()
