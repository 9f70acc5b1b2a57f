"""What `verify.py --self-test` changes, one thing at a time, and for which reason each has to be refused."""

from copy import deepcopy
from dataclasses import replace

import dag_cbor
from py_ecc.optimized_bn128 import G2

EQUATION = "the equation fails"
# Neither curve has a point with x = 0. The twist has one with x = 1, outside the subgroup.
OFF_CURVE, OFF_SUBGROUP = 0, 1
# Where points lie in a proof and in a key.
PROOF = {"A": (0, 32), "B": (32, 96), "C": (96, 128), "D": (128, 160)}
KEY = {"alpha": (0, 32), "beta": (32, 96), "gamma": (96, 160), "delta": (160, 224), "eta": (224, 288)}
KEY |= {"eta_w": (288, 352), "IC_0": (352, 384), "IC_K": (480, 512)}


def negate(point):
    """The other point of the same x: the top bit is the sign."""
    return point[:-1] + bytes([point[-1] ^ 128])


def infinity(point):
    return bytes(len(point) - 1) + bytes([64])


def with_x(x):
    return lambda point: x.to_bytes(len(point), "little")


def unreduced(point):
    """Every coordinate is 2^254 - 1."""
    return (bytes([255] * 31) + bytes([63])) * (len(point) // 32)


def flip(data):
    return bytes([data[0] ^ 1]) + data[1:]


def at(place, change):
    """`change` of the bytes at one place."""
    low, high = place
    return lambda data: data[:low] + change(data[low:high]) + data[high:]


def inside(field, change):
    """`change` of one field of an encoded map."""

    def edit(data):
        value = dag_cbor.decode(data)
        return dag_cbor.encode(value | {field: change(value[field])})

    return edit


def without_last_row(data):
    value = dag_cbor.decode(data)
    width = len(value["task"]["features"])
    return dag_cbor.encode(value | {"x": value["x"][:-width], "labels": value["labels"][:-1]})


def cases(original, size):
    """(what is changed, public, size class, part of the reason; None if it has to be accepted).

    Scores are changed in the last, whose chunk is mostly padding.
    """
    out = []
    score, other = original["scores"][-1], original["scores"][0]

    def case(name, reason, public={}, score={}, size=size):
        changed = deepcopy(original)
        for target, changes in (changed, public), (changed["scores"][-1], score):
            for field, change in changes.items():
                target[field] = change(target[field])
        out.append((name, changed, size, reason))

    case("nothing", None)
    both = {"proof": lambda p: negate(p[:32]) + negate(p[32:96]) + p[96:]}
    case("A and B negated: the same product", None, score=both)

    case("K + 1", EQUATION, score={"correct": lambda k: k + 1})
    case("K - 1", EQUATION, score={"correct": lambda k: k - 1})
    too_many = {"correct": lambda _: score["hi"] - score["lo"] + 1}
    case("K above the chunk's rows", "K exceeds the chunk's rows", score=too_many)
    case("N + 1", "N is not the test set's", score={"rows": lambda n: n + 1})
    n = score["rows"] - 1
    shorter = lambda scores: [s | {"rows": n, "hi": min(s["hi"], n)} for s in scores]
    case("N - 1, with the last row gone", EQUATION, {"test_set": without_last_row, "scores": shorter})
    case("first row of the chunk", "no such chunk", score={"lo": lambda lo: lo + 1})
    case("index of the chunk", "no such chunk", score={"chunk": lambda i: i + 1})
    chunk = {name: lambda _, value=other[name]: value for name in ("chunk", "lo", "hi")}
    case("another chunk", EQUATION, score=chunk)
    case("entry", EQUATION, score={"entry": flip})
    case("roster", EQUATION, score={"roster": flip})
    case("no roster", EQUATION, score={"roster": lambda _: bytes(32)})
    case("competition", EQUATION, {"competition": flip})
    case("competitor", EQUATION, {"competitor": lambda c: c[:1] + flip(c[1:])})
    case("type of the competitor", EQUATION, {"competitor": flip})

    case("one feature value", EQUATION, {"test_set": inside("x", flip)})
    case("one label", EQUATION, {"test_set": inside("labels", flip)})
    renamed = inside("task", lambda task: task | {"classes": task["classes"][::-1]})
    case("names of the classes", EQUATION, {"test_set": renamed})
    case("a value out of range", "out of range", {"test_set": inside("x", lambda x: b"\x80" + x[1:])})
    case("a label out of range", "out of range", {"test_set": inside("labels", lambda x: b"\2" + x[1:])})
    case("a byte after the test set", "test set: not DAG-CBOR", {"test_set": lambda data: data + b"\0"})

    case("D_w negated", EQUATION, {"commitment": negate})
    case("D_w of A", EQUATION, {"commitment": lambda _: score["proof"][:32]})
    case("D_w infinity", "D_w: infinity", {"commitment": infinity})
    for what, proof_of in ("model proof", "public"), ("score", "score"):
        field = {"public": "model_proof", "score": "proof"}[proof_of]
        for name, place in PROOF.items():
            for change, reason, how in [
                ("negated", EQUATION, negate),
                ("infinity", f"{name}: infinity", infinity),
                ("not reduced", f"{name}: a coordinate is not reduced", unreduced),
                ("off the curve", f"{name}: not on the curve", with_x(OFF_CURVE)),
            ]:
                case(f"{what}: {name} {change}", reason, **{proof_of: {field: at(place, how)}})
        how = at(PROOF["B"], with_x(OFF_SUBGROUP))
        case(f"{what}: B off the subgroup", "B: not in the subgroup", **{proof_of: {field: how}})
    case("model proof as a score", EQUATION, score={"proof": lambda _: original["model_proof"]})
    case("score as a model proof", "model proof: " + EQUATION, {"model_proof": lambda _: score["proof"]})
    case("score of another chunk", EQUATION, score={"proof": lambda _: other["proof"]})

    points = dag_cbor.decode(original["key"])["points"]
    for name, place in KEY.items():
        case(f"key: {name} negated", EQUATION, {"key": inside("points", at(place, negate))})
    swapped = at((224, 352), lambda both: both[64:] + both[:64])
    case("key: eta and eta_w swapped", EQUATION, {"key": inside("points", swapped)})
    same = at(KEY["gamma"], lambda _: negate(points[32:96]))
    case("key: gamma = -beta", "degenerate key: beta and gamma", {"key": inside("points", same)})
    generator = b"".join(int(c).to_bytes(32, "little") for c in G2[0].coeffs)
    one = at(KEY["delta"], lambda _: generator)
    case("key: delta the generator", "delta is the generator", {"key": inside("points", one)})
    one = at(KEY["alpha"], lambda _: (1).to_bytes(32, "little"))
    case("key: alpha the generator", "degenerate key: alpha and the generator", {"key": inside("points", one)})
    case("key: one IC point fewer", "bytes of points", {"key": inside("points", lambda p: p[:-32])})
    renamed = inside("class", lambda _: "linear-64-10")
    case("key: of another class", "another class or trust", {"key": renamed})
    # Hidden units are 0 in the linear family and enter nothing but the descriptor.
    case("class descriptor alone", EQUATION, size=replace(size, hidden=1))
    case("class: feature bits, hence packing", EQUATION, size=replace(size, feature_bits=7))
    return out


def self_test(outcome, public, size):
    """Whether each change is refused for its reason. `outcome`: None if all holds, else why not."""
    as_expected = True
    for name, changed, other_size, reason in cases(public, size):
        got = outcome(changed, other_size)
        right = got is None if reason is None else reason in (got or "")
        as_expected &= right
        mark = "ok" if right else f"WRONG, expected: {reason or 'accepted'}"
        print(f"{name:38} {'accepted' if got is None else 'refused: ' + got:54} {mark}", flush=True)
    return as_expected
