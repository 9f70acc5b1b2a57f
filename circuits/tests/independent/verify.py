"""An independent verifier: checks proof.json from circuits/README.md alone, sharing no code with the crate.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python verify.py proof.json              # verify, then compare every step with what is recorded
    .venv/bin/python verify.py --self-test proof.json  # change each public field in turn: all must be refused

Only `public` is read as input: digests, challenges and public inputs are computed here, then compared with
`expected`. Exit code 0: holds and agrees. 1: refused, or the two implementations differ. 2: not such a file.
Knows the size class linear-30-2. Of a test set it checks what proofs rest on, not names and affine maps.
"""

import argparse
import json
import struct
import sys
from dataclasses import astuple, dataclass
from functools import cache, reduce
from itertools import combinations
from math import prod

import dag_cbor
from blake3 import blake3
from Crypto.Hash import keccak
from py_ecc.optimized_bn128 import (
    FQ, FQ2, FQ12, G1, G2, add, b, b2, curve_order as R, field_modulus as P, is_inf, multiply, neg, pairing,
)
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate

from self_test import self_test


class Invalid(Exception):
    """The key, the statement or a proof is refused."""


def require(condition, reason):
    if not condition:
        raise Invalid(reason)


def keccak256(data):
    return keccak.new(digest_bits=256, data=data).digest()


# Sections 1, 2, 4: the size class and its packing


@dataclass(frozen=True)
class SizeClass:
    name: str
    family: int
    rows: int
    features: int
    feature_bits: int
    hidden: int
    classes: int
    table_bits: int
    margin_limbs: int

    def descriptor(self):
        return struct.pack(">BIIBIIBB", *astuple(self)[1:])

    def packing(self):
        """B2, one more than (2^lT - 1) + 2 max|z'|, and R: how many rows its powers hold apart."""
        t = self.table_bits
        logit = self.features * (2**self.feature_bits - 1) * 2 ** (t - 1) + 2 ** (2 * t - 1)
        ordered = self.classes * logit + self.classes - 1
        base = 2 ** (self.margin_limbs * t) - 1 + 2 * ordered + 1
        terms = next(k for k in range(256) if base ** (k + 1) > R)
        return base, terms


LINEAR_30_2 = SizeClass("linear-30-2", 0, 532, 30, 8, 0, 2, 11, 2)


# Section 5: points. A point is py_ecc's (x, y, 1).


def coefficients(x):
    return [int(c) for c in x.coeffs] if isinstance(x, FQ2) else [int(x)]


def square_root(a):
    """In Fp by a power (p = 3 mod 4), in Fp2 by norms; None if there is none."""
    if isinstance(a, FQ):
        root = a ** ((P + 1) // 4)
        return root if root * root == a else None
    a0, a1 = map(FQ, a.coeffs)
    norm = square_root(a0 * a0 + a1 * a1)
    for real_square in [] if norm is None else [(a0 + norm) / 2, (a0 - norm) / 2]:
        real = square_root(real_square)
        if real is not None and real != 0:
            return FQ2([int(real), int(a1 / (2 * real))])
    imaginary = square_root(-a0)
    return FQ2([0, int(imaginary)]) if a1 == 0 and imaginary is not None else None


@cache
def decompress(what, data):
    """x little-endian, real part first; top bit: y is the larger of y and -y; next bit: infinity."""
    flags, data = data[-1] >> 6, data[:-1] + bytes([data[-1] & 63])
    require(not flags & 1, f"{what}: infinity")
    numbers = [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]
    require(max(numbers) < P, f"{what}: a coordinate is not reduced")
    x = FQ(numbers[0]) if len(numbers) == 1 else FQ2(numbers)
    y = square_root(x**3 + (b if isinstance(x, FQ) else b2))
    require(y is not None, f"{what}: not on the curve")
    # Imaginary parts decide first. No point has y = -y: both curves have odd order.
    is_larger = coefficients(y)[::-1] > coefficients(-y)[::-1]
    point = (x, y if is_larger == (flags == 2) else -y, type(x).one())
    # G1 has prime order, the twist has not.
    require(isinstance(x, FQ) or is_inf(multiply(point, R)), f"{what}: not in the subgroup")
    return point


def eip(point):
    """EIP-196/197: big-endian, imaginary part first."""
    return b"".join(c.to_bytes(32, "big") for x in point[:2] for c in reversed(coefficients(x)))


def cut(data, sizes):
    require(len(data) == sum(sizes), f"expected {sum(sizes)} bytes of points, got {len(data)}")
    return [data[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes))]


# The key and the test set


def fields(what, value, types):
    """The fields of a map, in the order of `types`."""
    found = {name: type(field) for name, field in value.items()} if isinstance(value, dict) else None
    require(found == types, f"{what}: other fields")
    return [value[name] for name in types]


def canonical(what, data, types):
    """The fields of the map that DAG-CBOR bytes encode, if they are its one encoding. Version 1."""
    try:
        value = dag_cbor.decode(data)
    except Exception as error:  # the decoder has no common class of errors
        raise Invalid(f"{what}: not DAG-CBOR") from error
    version, *rest = fields(what, value, {"version": int} | types)
    require(dag_cbor.encode(value) == data, f"{what}: not canonical")
    require(version == 1, f"{what}: another version")
    return rest


@cache
def read_key(data, size):
    """The points by name, and the digest."""
    *who, encoded = canonical("key", data, {"class": str, "trust": str, "points": bytes})
    require(who == [size.name, "single_party"], "key: another class or trust")
    names = ["alpha", "beta", "gamma", "delta", "eta", "eta_w"] + ["IC"] * (size.features + 9)
    parts = cut(encoded, [32] + 5 * [64] + (size.features + 9) * [32])
    points = [decompress(name, part) for name, part in zip(names, parts)]
    key = dict(zip(names[:6], points)) | {"IC": points[6:]}
    # Two points are equal or opposite if they have the same x.
    bases = [(name, key[name][0]) for name in names[1:6]]
    for (one, x), (other, z) in combinations(bases, 2):
        require(x != z, f"degenerate key: {one} and {other}")
    for name, x in bases:
        require(name == "gamma" or x != G2[0], f"degenerate key: {name} is the generator")
    # Alpha stands in G1: a pairing compares it.
    alpha = pairing(G2, key["alpha"])
    for name, point in [(name, key[name]) for name in names[1:6]] + [("the generator", G2)]:
        value = pairing(point, G1)
        require(alpha != value and alpha * value != FQ12.one(), f"degenerate key: alpha and {name}")
    head = b"podium verifying key v1".ljust(32, b"\0") + size.descriptor() + b"\0"
    tail = struct.pack(">I", len(key["IC"])) + b"".join(map(eip, key["IC"]))
    return key, keccak256(head + b"".join(map(eip, points[:6])) + tail)


def read_test_set(data, size):
    """Rows, labels, digest."""
    task, x, labels = canonical("test set", data, {"task": dict, "x": bytes, "labels": bytes})
    features, bits, classes = fields("task", task, {"features": list, "feature_bits": int, "classes": list})
    width, classes = len(features), len(classes)
    require(1 <= width <= size.features and 1 <= bits <= size.feature_bits, "test set: features do not fit")
    require(2 <= classes <= size.classes, "test set: classes do not fit")
    require(1 <= len(labels) <= 2**20 and len(x) == width * len(labels), "test set: lengths")
    require(max(x) < 2**bits and max(labels) < classes, "test set: a value or label is out of range")
    return [x[i : i + width] for i in range(0, len(x), width)], labels, blake3(data).digest()


# Sections 2, 5, 6: transcript, public inputs, equation


def challenges(size, key_digest, mode, set_digest, numbers, ids, points):
    """X, y, rho. `numbers`: chunk, lo, hi, N, K. `ids`: competition, competitor, entry, roster. `points`: D_w, D."""
    tag = b"podium challenge transcript v2".ljust(32, b"\0")
    head = tag + key_digest + size.descriptor() + bytes([mode]) + set_digest
    seed = keccak256(head + struct.pack(">IQQQQ", *numbers) + b"".join(ids) + b"".join(map(eip, points)))
    wide = (keccak256(seed + bytes([i, 0])) + keccak256(seed + bytes([i, 1])) for i in range(3))
    return [int.from_bytes(w, "big") % R for w in wide]


def public_inputs(size, drawn, mode, count, rows, labels):
    """By name, in their order. Without rows: those of a model proof, whose rows are all padding."""
    rho, (base, terms) = drawn[2], size.packing()
    plain = [pow(rho, i, R) for i in range(size.rows)]
    packed = [pow(rho, i // terms, R) * base ** (i % terms) % R for i in range(size.rows)]
    features = [sum(c * x for c, x in zip(packed, column)) % R for column in zip(*rows)]
    padded = list(labels) + [size.classes] * (size.rows - len(labels))
    named = dict(zip(["X", "y", "rho"], drawn)) | {"K": count, "mode": mode}
    named["u"] = features + [0] * (size.features - len(features))
    named["plain_sum"], named["packed_sum"] = sum(plain) % R, sum(packed) % R
    return named | {"labels": sum(c * label for c, label in zip(plain, padded)) % R}


@cache
def holds(key_bytes, size, commitment, proof, inputs):
    """e(A,B) = e(alpha,beta) e(IC,gamma) e(D,eta) e(D_w,eta_w) e(C,delta), in one final exponentiation."""
    key, (a, b_, c, d) = read_key(key_bytes, size)[0], read_proof(proof)
    ic = reduce(add, map(multiply, key["IC"][1:], inputs), key["IC"][0])
    right = {"beta": key["alpha"], "gamma": ic, "eta": d, "eta_w": decompress("D_w", commitment), "delta": c}
    terms = [pairing(key[name], neg(point), final_exponentiate=False) for name, point in right.items()]
    return final_exponentiate(prod(terms, start=pairing(b_, a, final_exponentiate=False))) == FQ12.one()


def read_proof(data):
    return [decompress(what, part) for what, part in zip("ABCD", cut(data, [32, 64, 32, 32]))]


def in_hex(value):
    return list(map(in_hex, value)) if isinstance(value, list) else f"{value:064x}"


def verify(public, size):
    """Everything that `expected` records, computed. Refuses with Invalid."""
    _, key_digest = read_key(public["key"], size)
    rows, labels, set_digest = read_test_set(public["test_set"], size)
    d_w = decompress("D_w", public["commitment"])

    def check(what, proof, mode, digest, numbers, ids, chunk_rows, chunk_labels):
        ids = (public["competition"], public["competitor"], *ids)
        points = (d_w, read_proof(proof)[3])
        drawn = challenges(size, key_digest, mode, digest, numbers, ids, points)
        named = public_inputs(size, drawn, mode, numbers[4], chunk_rows, chunk_labels)
        flat = sum((v if isinstance(v, list) else [v] for v in named.values()), [])
        right = holds(public["key"], size, public["commitment"], proof, tuple(flat))
        require(right, f"{what}: the equation fails")
        return {name: in_hex(v) for name, v in named.items()}

    # Scores count only for a commitment whose model proof holds: every bound rests on its ranges.
    model = check("model proof", public["model_proof"], 1, bytes(32), (0,) * 5, (bytes(32),) * 2, [], [])
    scores = []
    for score in public["scores"]:
        numbers = index, lo, hi, n, k = [score[name] for name in ("chunk", "lo", "hi", "rows", "correct")]
        require(n == len(labels), "score: N is not the test set's")
        start, end = index * size.rows, min((index + 1) * size.rows, n)
        require((lo, hi) == (start, end) and lo < hi, "score: no such chunk")
        require(k <= hi - lo, "score: K exceeds the chunk's rows")
        what, data = f"score of chunk {index}", (rows[lo:hi], labels[lo:hi])
        ids = (score["entry"], score["roster"])
        scores.append(check(what, score["proof"], 0, set_digest, numbers, ids, *data))
    base, terms = size.packing()
    packing = {"packing_base": str(base), "packing_terms": terms}
    digests = {"key_digest": key_digest.hex(), "test_set_digest": set_digest.hex()}
    return digests | packing | {"model_proof": model, "scores": scores}


# The file, the comparison, the self-test


def load(path):
    """`public` with hex as bytes and numbers in range, and `expected` as it is."""
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)

    def unhex(text, size=None):
        data = bytes.fromhex(text)
        if size not in (None, len(data)):
            raise ValueError(f"expected {size} bytes, got {len(data)}")
        return data

    def number(value, bits):
        if type(value) is not int or not 0 <= value < 2**bits:
            raise ValueError(f"expected an integer of {bits} bits, got {value!r}")
        return value

    public = whole["public"]
    (kind, who), = public["competitor"].items()
    tag, length = {"node": (b"\0", 32), "evm": (b"\1", 20)}[kind]
    out = {name: unhex(public[name]) for name in ("key", "test_set")}
    out |= {name: unhex(public[name], 32) for name in ("competition", "commitment")}
    out |= {"model_proof": unhex(public["model_proof"], 160), "scores": []}
    out["competitor"] = tag + unhex(who, length).rjust(32, b"\0")
    if not public["scores"]:
        raise ValueError("no scores")
    for score in public["scores"]:
        numbers = {name: number(score[name], 64) for name in ("lo", "hi", "rows", "correct")}
        sizes = {"entry": 32, "roster": 32, "proof": 160}
        data = {name: unhex(score[name], size) for name, size in sizes.items()}
        out["scores"].append(numbers | data | {"chunk": number(score["chunk"], 32)})
    return out, whole["expected"]


def leaves(value, path=""):
    """Every value of a tree by its path."""
    if not isinstance(value, (dict, list)):
        return {path: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return reduce(dict.__or__, (leaves(v, f"{path}/{k}") for k, v in pairs), {})


def outcome(public, size):
    """None if all holds, else why not."""
    try:
        verify(public, size)
    except Invalid as reason:
        return str(reason)


def main():
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("file")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    try:
        public, expected = load(options.file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{options.file}: {error!r}", file=sys.stderr)
        return 2
    if options.self_test:
        return 0 if self_test(outcome, public, LINEAR_30_2) else 1
    try:
        computed = verify(public, LINEAR_30_2)
    except Invalid as reason:
        print(f"refused: {reason}")
        return 1
    expected, computed = leaves(expected), leaves(computed)
    differing = [k for k in expected | computed if expected.get(k) != computed.get(k)]
    for path in differing:
        print(f"differs: {path}: expected {expected.get(path)}, computed {computed.get(path)}")
    counts = ", ".join(f"{s['correct']} of rows {s['lo']}..{s['hi']}" for s in public["scores"])
    print(f"holds: a model in {public['commitment'].hex()[:16]}... is right in at least {counts}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
