"""Octets that nobody meant well, made from one seed."""

import os
import random

NASTY = (b"", b"\0", b"\xff", b"\r\n", b"\r\n\r\n", b"%", b"%00", b"%2f", b":",
         b" ", b"-", b"0" * 30, b"9" * 25, b"x" * 300, b"{", b"[" * 60, b'"',
         b"\x7f", b"\xc3\x28", b"\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\0",
         b"1e999", b"/../", b"?", b"&limit=", b"SP\x01", b"HTTP/1.1")


def dice():
    """HOSTILE_SEED replays a run; a failed test shows what was printed."""
    seed = int(os.environ.get("HOSTILE_SEED", random.randrange(2 ** 32)))
    print(f"HOSTILE_SEED={seed}")
    return random.Random(seed)


def noise(rolls, longest):
    """Short ones often: most readers look at the first few octets."""
    return rolls.randbytes(int(longest ** rolls.random()))


def mutated(rolls, octets):
    """One to four of: an octet set, one bit, a cut, a copy, something
    nasty put in."""
    data = bytearray(octets)
    for _ in range(rolls.randint(1, 4)):
        place = rolls.randrange(len(data) + 1)
        length = rolls.randint(0, 9)
        kind = rolls.randrange(5)
        if kind == 0:
            data[place:place + 1] = rolls.randbytes(1)
        elif kind == 1 and place < len(data):
            data[place] ^= 1 << rolls.randrange(8)
        elif kind == 2:
            del data[place:place + length]
        elif kind == 3:
            data[place:place] = data[max(0, place - 20):place]
        else:
            data[place:place + length] = rolls.choice(NASTY)
    return bytes(data)
