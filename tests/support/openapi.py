"""The description of the API (web/openapi.json), and replies held against it.

    description = Description()
    reply = description.check(operation, reply)     # fails on what it lacks

An answer is as described if its status, its media type, each of its headers,
each field of its body and, for a problem, the problem's type are.
"""

import decimal
import http.client
import json
import re

import jsonschema

from pipeline import REPLY_LIMIT_S, TREE, Reply

# What HTTP itself says, whatever the answer is.
HTTP_HEADERS = {"date", "connection", "content-type", "content-length",
                "transfer-encoding"}
PROBLEM = "application/problem+json"
STREAM = "text/event-stream"
METHODS = ("get", "put", "post", "delete", "patch")


def first_event(pipeline, target, last=None):
    """The reply of a stream, of which the text ends behind the first event."""
    connection = http.client.HTTPConnection(
        pipeline.url.removeprefix("http://"), timeout=REPLY_LIMIT_S)
    try:
        connection.request("GET", target, headers={
            "Last-Event-ID": str(last)} if last is not None else {})
        answer = connection.getresponse()
        lines = []
        while lines.count("\n") < 2:     # behind "retry", behind the event
            lines.append(answer.readline().decode())
            assert lines[-1], f"{target} ended"
        return Reply(answer.status, answer.headers, "".join(lines))
    finally:
        connection.close()


def data_lines(media, text):
    """What stands in each line, or in each event's data."""
    for line in text.splitlines():
        if media == STREAM:
            assert re.fullmatch(r"(retry|id|event|data): .*|: .*|", line), line
            name, _, line = line.partition(": ")
            if name != "data":
                continue
        yield json.loads(line, parse_float=decimal.Decimal)


class Operation:
    """One method of one path, as described."""

    def __init__(self, method, path, item, node):
        self.method = method.upper()
        self.path = path
        self.node = node
        self.public = node.get("security") == []
        self.parameters = item.get("parameters", []) + \
            node.get("parameters", [])

    def refuses(self, description, problem):
        """True if one of its answers is this problem."""
        return any(problem in described.get("examples", {})
                   for response in self.node["responses"].values()
                   for described in description.resolve(response).get(
                       "content", {}).values())

    def __str__(self):
        return f"{self.method} {self.path}"


class Description:
    PATH = TREE / "web" / "openapi.json"

    def __init__(self):
        self.text = self.PATH.read_text()
        self.root = json.loads(self.text, parse_float=decimal.Decimal)
        self.resolver = jsonschema.RefResolver("", self.root)
        self.operations = [
            Operation(method, path, item, item[method])
            for path, item in self.root["paths"].items()
            for method in METHODS if method in item]
        self.reached = set()        # (operation, status)
        self.problems = set()       # names of problem types

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def operation(self, method, path):
        return next(one for one in self.operations
                    if (one.method, one.path) == (method, path))

    def documented(self):
        """Every (operation, status) that is described."""
        return {(str(one), int(status)) for one in self.operations
                for status in one.node["responses"]}

    def validate(self, schema, value):
        jsonschema.Draft202012Validator(
            schema, resolver=self.resolver).validate(value)

    def parameters(self, operation, place):
        return {one["name"]: one for one in
                map(self.resolve, operation.parameters) if one["in"] == place}

    def path(self, operation, **values):
        """The path with its parameters' values, else their examples."""
        known = self.parameters(operation, "path")
        return re.sub(r"\{(\w+)\}", lambda match: str(values.get(
            match[1], self.example(known[match[1]]))), operation.path)

    @staticmethod
    def example(parameter):
        """Of a path in the parameter, which /docs then fills in; else in its
        schema."""
        return parameter.get("example") or parameter["schema"]["examples"][0]

    def body(self, operation, media="application/json"):
        """The first example of the request's body; None if it takes none."""
        content = operation.node.get("requestBody", {}).get("content", {})
        if media not in content:
            return None
        return next(iter(content[media]["examples"].values()))["value"]

    def problem_examples(self):
        """Every problem that is shown anywhere."""
        def found(node):
            if isinstance(node, dict):
                kind = node.get("type")
                if isinstance(kind, str) and kind.startswith("/problems/"):
                    yield node
                node = list(node.values())
            if isinstance(node, list):
                for one in node:
                    yield from found(one)
        return found(self.root)

    # --- answers -----------------------------------------------------------

    def check(self, operation, reply):
        """Fails unless the reply is as described; notes it as reached."""
        where = f"{operation} answered {reply}"
        responses = operation.node["responses"]
        assert str(reply.status) in responses, f"{where}: status"
        response = self.resolve(responses[str(reply.status)])
        self.check_headers(response, reply, where)
        media = reply.headers.get("Content-Type")
        content = response.get("content", {})
        # 304 tells of a body that it has not.
        if reply.status != 304 and (content or media is not None):
            assert media in content, f"{where}: media type {media}"
            self.check_body(content[media], media, reply, where)
        self.reached.add((str(operation), reply.status))
        return reply

    def check_headers(self, response, reply, where):
        described = {name.lower(): self.resolve(header) for name, header in
                     response.get("headers", {}).items()}
        for name, value in reply.headers.items():
            if name.lower() in HTTP_HEADERS:
                continue
            assert name.lower() in described, f"{where}: header {name}"
            schema = self.resolve(described[name.lower()]["schema"])
            if schema["type"] == "integer":
                value = int(value)
            self.validate(schema, value)
        for name, header in described.items():
            assert name in reply.headers or not header.get("required"), \
                f"{where}: no {name}"

    def check_body(self, described, media, reply, where):
        is_json = media.partition(";")[0].endswith(("/json", "+json"))
        self.validate(described["schema"],
                      reply.json if is_json else reply.text)
        if "contentSchema" in described["schema"]:
            for value in data_lines(media, reply.text):
                self.validate(described["schema"]["contentSchema"], value)
        if media == PROBLEM:
            name = self.check_problem(reply)
            assert name in described["examples"], f"{where}: problem {name}"

    def check_problem(self, reply):
        """The problem's name; for those of no operation, too."""
        assert reply.headers["Content-Type"] == PROBLEM, reply
        assert reply.json["status"] == reply.status, reply
        self.validate({"$ref": "#/components/schemas/Problem"}, reply.json)
        name = reply.json["type"].removeprefix("/problems/")
        self.problems.add(name)
        return name
