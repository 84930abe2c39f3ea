#!/usr/bin/env python3
"""decline-streaks.py - a filter in Python: tells of users whose payments are
declined three times in a row

    sagactl filter --name decline-streaks --from payments --to reviews \\
        -- examples/decline-streaks.py

What it remembers is lost when it ends.  The pipeline's promise is about what
it answers: each answer is published once.  A filter that must remember across
its own restarts keeps a file, and says in it up to which event it knows.
"""

import collections
import json
import sys

IN_A_ROW = 3
declined = collections.Counter()

for line in sys.stdin:
    event = json.loads(line)
    data = event["data"]
    if event["type"] == "sagapipe.Payment.v1":
        user = data["userId"]
        if data["status"] == "APPROVED":
            declined[user] = 0
        elif data["status"] == "DECLINED":
            declined[user] += 1
            if declined[user] == IN_A_ROW:
                print(json.dumps({
                    "type": "example.decline-streak", "subject": str(user),
                    "data": {"userId": user, "orderId": data["orderId"],
                             "reason": data["reason"]}}))
    print(flush=True)       # an empty line: that was the answer
