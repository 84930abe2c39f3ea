#!/usr/bin/python3
"""Writes the first seeds of the fuzz targets into tests/fuzz/corpus.

Only what stands here is made by hand; scripts/fuzz.sh --keep adds what fuzzing
found.  Run it again after the vocabulary, a frame or a knob has changed.
"""

import hashlib
import pathlib
import re
import struct

import msgpack

TREE = pathlib.Path(__file__).resolve().parents[2]
CORPUS = TREE / "tests/fuzz/corpus"


def write(target, data):
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


# --- codec: one event of each type, whole, lean, and wrong ------------------

BASE = {"id": 7, "source": "gateway", "version": 1,
        "time": 1700000000123456,
        "traceparent":
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
ORDER = {"orderId": 1, "userId": 2}
EVENTS = {
    "OrderPurchase": {**ORDER, "productId": 3, "quantity": 1000,
                      "price": 5000, "currency": "USD"},
    "OrderCancel": {**ORDER, "reason": "CANCELLED"},
    "AccountOpened": {"userId": 2, "amount": 2**53 - 1, "currency": "USD",
                      "creditId": 9},
    "AccountCredited": {"userId": 2, "amount": 1, "creditId": 2**53 - 1},
    "AccountFrozen": {"userId": 2},
    "AccountThawed": {"userId": 2},
    "Payment": {**ORDER, "status": "DECLINED", "price": 5000, "balance": 0,
                "reason": "INSUFFICIENT_CREDIT"},
    "AccountChanged": {"userId": 2, "kind": "REFUSED", "amount": -1,
                       "balance": 0, "reason": "LIMIT_EXCEEDED",
                       "creditId": 4},
    "Transaction": {**ORDER, "status": "REVERSED", "price": 1,
                    "decidedAt": 253402300799999999, "transactionId": 5,
                    "reason": "TIMEOUT"},
    "DeadLetter": {"topic": "orders", "partition": 0, "offset": 2**53 - 1,
                   "participant": "payment", "cause": "field_missing",
                   "attempts": 3, "event": b"\x81\xa1x\xc0", **ORDER},
}
# The last value that each field may have.
LIMITS = {"userId": 2**53 - 1, "quantity": 1000, "price": 2**53 - 1,
          "decidedAt": 253402300799999999, "offset": 2**53 - 1}


def codec_seeds():
    whole = []
    for name, fields in EVENTS.items():
        event = {**BASE, "type": name, **fields}
        whole.append(msgpack.packb(event))
        write("codec", whole[-1])
        write("codec", msgpack.packb({**event, "new": [1.5, None, {"a": True}],
                                      "far": msgpack.ExtType(1, b"x" * 9)}))
    write("codec", b"".join(whole[:3]))
    event = {**BASE, "type": "AccountFrozen", "userId": 2}
    for key, value in (("userId", "2"), ("userId", 0), ("version", 2),
                       ("type", "Nothing"), ("id", -1), ("time", 1.0),
                       ("source", "Not a name"), ("traceparent", "00-")):
        write("codec", msgpack.packb({**event, key: value}))
    write("codec", msgpack.packb({**event, 5: 5}))
    for name, fields in EVENTS.items():
        for key, value in LIMITS.items():
            if key in fields:
                for beyond in (value, value + 1, value // -1 - 1, 0):
                    write("codec", msgpack.packb(
                        {**BASE, "type": name, **fields, key: beyond}))
    write("codec", whole[0] + whole[0][:40])
    write("codec", b"\xdf\xff\xff\xff\xff")
    write("codec", b"\x81\xa1a" + b"\x91" * 40 + b"\xc0")


# --- frames -----------------------------------------------------------------

def text(value):
    return bytes([len(value)]) + value


def batch(producer=b"gateway", seq=1, count=2, octets=b"\xc0\xc0"):
    return (struct.pack(">Qq", 0, 0) + text(producer) +
            struct.pack(">IQII", 1, seq, count, len(octets)) + octets)


def frame(verb, body, version=1):
    return b"SP" + bytes([version, verb]) + struct.pack(">Q", 77) + body


def frame_seeds():
    orders = text(b"orders") + struct.pack(">H", 0)
    fetch = struct.pack(">QQII", 0, 5, 65536, 100)
    open_seq = orders + struct.pack(">Q", 12)
    for verb, body in (
            (1, text(b"gateway")), (1, text(b"Not a name")),
            (2, struct.pack(">IH", 3, 2) + open_seq * 2),
            (3, orders + batch()), (3, text(b"x y") + b"\0\0" + batch()),
            (3, orders + batch(count=0)), (3, orders + batch(seq=2**64 - 2)),
            (3, orders + batch(octets=b"\xc0" * 600)),
            (4, struct.pack(">QB", 2**64 - 1, 1)),
            (5, orders + text(b"payment") + fetch),
            (5, orders + text(b"") + fetch + b"trailing"),
            (6, struct.pack(">QQI", 0, 4, 2) + batch() + batch()),
            (7, b""), (7, b"x"), (8, struct.pack(">HHH", 0, 0, 0)),
            (9, text(b"ledger")), (10, b""),
            (11, struct.pack(">HQ", 1, 3) + text(b"words")),
            (11, struct.pack(">HQ", 999, 3) + text(b"words")),
            (16, text(b"gateway") + struct.pack(">QQ", 3, 2**64 - 1)),
            (16, text(b"gateway") + struct.pack(">QQ", 0, 7)),
            (12, b""), (255, b"")):
        write("frames", frame(verb, body))
    write("frames", frame(7, b"", version=2))
    write("frames", b"SP\x01")


# --- HTTP -------------------------------------------------------------------

HEADERS = (b"Host: x\nContent-Type: application/json\nContent-Length: 26\n"
           b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"
           b"00f067aa0ba902b7-01\n\n")
BODIES = (
    b'{"userId":5,"productId":1}',
    b'{"userId":5,"productId":1,"quantity":1000}',
    b'{"userId":9007199254740991,"balance":"90071992547409.91"}',
    b'{"userId":1,"balance":0.07}', b'{"userId":1,"balance":-1}',
    b'{"userId":1,"balance":1e400}', b'{"userId":1.0,"productId":true}',
    b'{"userId":1,"userId":2}', b'{"\\u0000":1}', b'[1]', b'{"a":"\\ud800"}',
    b'{"userId":99999999999999999999}', b"", b'{"amount":"12.50"}',
    b'{"userId":1,"productId":1,"new":null}', b"\xff{}",
)
LINES = (
    b'{"userId":1,"productId":2,"quantity":3,"idempotencyKey":"a-1"}',
    b' { "idempotencyKey" : "!~" ,\t"productId":2, "userId" : 3 } \r',
    b'{"userId":1,"productId":2,"idempotencyKey":"\\u0061\\/"}',
    b'{"userId":1,"productId":2,"idempotencyKey":""}',
    b'{"userId":1,"productId":2,"idempotencyKey":"' + b"k" * 256 + b'"}',
    b'{"userId":00000000000000001,"productId":2}',
    b'{"userId":1e0,"productId":2.0}', b'{"userId":1,"productId":2}}',
)
TARGETS = (
    b"/orders", b"/orders/7", b"/orders/007", b"/orders/9007199254740992",
    b"/orders/9007199254740991", b"/users?after=9007199254740992",
    b"/orders?limit=1000&after=5&order=desc&userId=3&status=ORDER_FAILED",
    b"/orders?limit=1001", b"/orders?limit=1&limit=2", b"/orders?status=%4f",
    b"http://host/users?after=1", b"/users/%31", b"/users/1%2f", b"/%zz",
    b"/products?a=%00", b"/transactions?order=up", b"/metrics", b"/readyz",
    b"/users/1/credits", b"/users/1/freeze", b"/users/1/thaw", b"/", b"*",
    b"/orders?" + b"a" * 1100, b"/orders/stream", b"/nothing",
)


def http_seeds():
    for body in BODIES:
        for path in (b"/orders", b"/users"):
            write("http", b"POST " + path + b" HTTP/1.1\n" + HEADERS + body)
    for target in TARGETS:
        write("http", b"GET " + target + b" HTTP/1.1\nHost: x\n\n")
    for target in (b"/orders/stream", b"/orders/7/stream",
                   b"/transactions/stream?latest=5",
                   b"/orders/stream?latest=0&userId=3"):
        write("http", b"GET " + target + b" HTTP/1.1\nHost: x\n"
              b"Last-Event-ID: 123456789012345678\n\n")
    for body in (b'{"price":12.5}', b'{"price":0}', b'{"price":"0.01"}'):
        write("http", b"PUT /products/7 HTTP/1.1\n" + HEADERS + body)
    for method in (b"HEAD", b"DELETE", b"PUT", b"BREW"):
        write("http", method + b" /orders/1 HTTP/1.0\n\n")
    for line in (b"Transfer-Encoding: chunked", b"Content-Length : 1",
                 b"Content-Length: 1\nContent-Length: 1", b"Host: y",
                 b"Content-Length: 99999", b"Content-Length: -1",
                 b'Content-Type: application/json; charset="utf-8"',
                 b"Content-Length0: 1", b"Idempotency-Key: k-1",
                 b"Idempotency-Key: \x01", b"Prefer: wait=5", b"Last-Event-ID: 7",
                 b"traceparent: 01-4bf92f3577b34da6a3ce929d0e0e4736-"
                 b"00f067aa0ba902b7-01-x", b"Prefer: a, wait=\"60\" ;b",
                 b"Authorization: Bearer abc"):
        write("http", b"POST /orders HTTP/1.1\nHost: x\n" + line + b"\n\n{}")
    write("http", b"GET / HTTP/2.0\nHost: x\n\n")
    lines = b"\n".join(BODIES + LINES)
    for body in LINES + (lines, b"\n\r\n" + lines + b"\r\n"):
        write("http", b"POST /orders HTTP/1.1\nHost: x\n"
              b"Content-Type: application/x-ndjson\n\n" + body)


# --- settings ---------------------------------------------------------------

def config_seeds():
    write("config", (TREE / "etc/sagapipe.conf").read_bytes())
    listed = re.findall(r'^    K\((\w+), (\w+), "([^"]*)"',
                        (TREE / "src/saga/knob_list.h").read_text(), re.M)
    assert len(listed) > 30
    write("config", b"".join(b"%s = %s\n" % (name.encode(), value.encode())
                             for name, _, value in listed))
    for name, kind, value in listed:
        write("config", f"{name} = {value} # {kind}\n".encode())
    for line in (b"window = 0", b"window = x", b"window", b"= 3", b"# c",
                 b"window = 8\nwindow = 8", b"home = a#b", b"home = a #b",
                 b"nothing = 1", b"cache = 16g", b"cache = 18446744073709551616",
                 b"drain = 600001ms", b"http = 1.2.3.4:99999",
                 b"http = [::1]:80", b"order_id_offset = 5", b"\r\n\t \xc3\x28",
                 b"home = " + b"h" * 81, b"topics = a,b,,c", b"home = \x7f",
                 b"transaction_limit = 12.50", b"bus = tcp://*:1"):
        write("config", line)
    for rest in (b"SAGAPIPE_WINDOW=9", b"SAGAPIPE_NOTHING=1", b"--window=9",
                 b"--window\xff9", b"--window", b"--help", b"--home=a #b", b"--home=#",
                 b"--home=a#b", b"--home= a", b"--home=\x7f", b"--version",
                 b"--print-config", b"-h", b"extra", b"--no-such=1",
                 b"SAGAPIPE_HOME=\xffSAGAPIPE_INSTANCE=two\xff--window=1"):
        write("config", b"window = 7\n\xff" + rest)


# --- cloudevent: lines of ours, foreign ones, and wrong ---------------------

OURS = (b'"specversion":"1.0","id":"orders-0-81","source":"/sagapipe/gateway",'
        b'"time":"2023-11-14T22:13:20.123456Z","topic":"orders",'
        b'"partition":0,"offset":"80"')


def cloudevent_seeds():
    for rest in (b'"type":"sagapipe.AccountFrozen.v1","data":{"userId":1}',
                 b'"type":"sagapipe.OrderPurchase.v1","subject":"1","data":'
                 b'{"orderId":81,"userId":1,"productId":1,"quantity":1,'
                 b'"price":5000,"currency":"EUR"}',
                 b'"type":"sagapipe.DeadLetter.v1","data":{"topic":"t",'
                 b'"partition":0,"offset":0,"participant":"p","cause":"c",'
                 b'"attempts":1,"event":"gaF4wA=="}',
                 b'"type":"sagapipe.Payment.v9"', b'"type":"sagapipe."',
                 b'"type":"org.x","data":{"a":[1,{"b":"\\u00e9}\\""}],"c":null}',
                 b'"type":"t","subject":"12","ext":true,"n":-5,"x":null',
                 b'"type":"t","data_base64":"AA=="', b'"type":"t","data":-0.0e5',
                 b'"type":"t" ,\n "data" : [ ] ', b'"type":"t","\\u0061":1'):
        write("cloudevent", b"{" + OURS + b"," + rest + b"}")
        write("cloudevent", b"{" + rest + b"}")
    write("cloudevent", b"")
    write("cloudevent", b"[]")


def sse_seeds():
    for stream in (b"", b"retry: 1000\n\n: alive\n\n",
                   b'id: 7\nevent: order\ndata: {"id":1}\n\n',
                   b"id: 7\r\ndata: a\r\ndata: b\r\n\r\n",
                   b"data\rdata:\r\rid\r\n\n", b"id:\x00\ndata:\x00\n\n",
                   b"event: gap\ndata: {\"after\":6,\"resumed\":9}\n\n"):
        write("sse", stream)


if __name__ == "__main__":
    codec_seeds()
    cloudevent_seeds()
    sse_seeds()
    frame_seeds()
    http_seeds()
    config_seeds()
