"""The peer's side of ``bench_peer.py``: the same statements as ezkl circuits, and the stages of one proof.

The statement is "a hidden, committed model is right on K of these N rows"; only K and the test set are public.
How it is phrased decides what ezkl needs for it. This is the cheapest phrasing that we know of:

* **Everything is an integer.** Weights are rounded to integers beforehand and all scales are 0, so nothing is
  divided after a layer: the circuit has no rescaling, and numpy computes its count exactly.
* **Weights** are initialisers under ``polycommit`` (a KZG commitment in the proof, in the circuit for free).
* **Rows and labels** are public inputs. That binds the test set at the price of one copy constraint a value;
  hashing it would cost a Poseidon permutation every few values, and ``fixed`` would need a new key a test set.
* **Range checks of inputs and weights** are on, as they are unless ezkl is told otherwise, or off
  (``ignore_range_check_inputs_outputs``). On, ezkl decomposes every value, the public inputs too. Off, weights may be
  any field elements and only the sums are in range, which is less than Podium proves.
* **Biases of the first layer** are the weights of a column of ones: one more public value a row instead of an
  addition a unit.
* **Matrix products** are checked at random points (Freivalds), as ezkl does unless told otherwise.
* **ReLU is (h + abs(h)) / 2** with the half moved into the scale of the next layer: ezkl's Relu compares the sign
  with 1 after finding it, its Abs only multiplies by it. A sixth of the circuit goes.
* **A row is right** if no logit exceeds the label's: with m the label's logit (picked by a one-hot row) less each of
  the logits, the sum of abs(m) - m is zero. That needs an Abs a class and one comparison a row; ArgMax, ReduceMax
  or a Greater a class need more. A tie counts as right.
* **Two classes** are one column of weights, and the label is the sign of the public row: right if
  abs(m) - m = 0, where m is the row, its sign turned for the second class, times the weights.
* **Numbers are decomposed** into two digits, whose base is the least that holds the largest number met.

Needs the packages in ``requirements-peer.txt``; ``bench_peer.py`` installs and calls it.
"""

import csv
import json
import math
import resource
import sys
import time
from pathlib import Path

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES = Path(__file__).parent.parent / "samples"
LEGS = 2


def load(name, count=None):
    """Features as float64 and labels as text, of all rows or of the first ``count``."""
    with (SAMPLES / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    if count is not None and count > len(rows):
        raise SystemExit(f"{name} has only {len(rows)} rows")
    rows = rows[:count]
    return np.array([[float(v) for v in row[:-1]] for row in rows]), np.array([row[-1] for row in rows])


def attributes(node):
    """The attributes of an ONNX node by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def scaler(model):
    """Offset and scale of the StandardScaler that stands first in the graph."""
    found = attributes(model.graph.node[0])
    return np.array(found["offset"]), np.array(found["scale"])


def with_ones(x):
    """A column of ones, whose weights are the biases."""
    return np.hstack([x, np.ones((len(x), 1))])


class Job:
    """A graph for ezkl, its public inputs, and what numpy says about them."""

    def __init__(self):
        self.nodes, self.weights, self.inputs, self.data = [], [], [], []

    def input(self, name, values):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape))
        self.data.append(values)
        return name

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def node(self, operator, *inputs, **attributes):
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def sum(self, values, axis):
        axes = f"axis_{len(self.nodes)}"
        self.weights.append(numpy_helper.from_array(np.array([axis], dtype=np.int64), axes))
        return self.node("ReduceSum", values, axes, keepdims=1)

    def count_zeros(self, values):
        """The only output: how many of the N x 1 values are zero."""
        equal = self.node("Equal", values, self.weight("zero", [0]))
        right = self.node("Cast", equal, to=TensorProto.FLOAT)
        output = helper.make_tensor_value_info(self.sum(right, 0), TensorProto.FLOAT, (1, 1))
        graph = helper.make_graph(self.nodes, "count", self.inputs, [output], self.weights)
        self.model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(self.model)

    def expect(self, right, right_in_floats, largest):
        self.right, self.right_in_floats = int(right.sum()), int(right_in_floats.sum())
        self.rows, self.largest = len(right), float(largest)


def mlp(x, labels, layers, scales, classes=10):
    """One hidden layer; ``layers`` holds (weights, biases) twice, and ``scales`` what they are multiplied by."""
    ((w1, b1), (w2, b2)), (scale1, scale2) = layers, scales
    own = np.arange(len(x)), labels
    in_floats = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    # abs(h) + h is twice the ReLU, so the second biases are doubled.
    first, second = np.round(np.vstack([w1, b1]) * scale1), np.round(w2 * scale2)
    biases = np.round(b2 * scale1 * scale2 * 2)
    x = with_ones(x)
    hidden = x @ first
    logits = (abs(hidden) + hidden) @ second + biases
    margins = logits[own][:, None] - logits

    job = Job()
    rows, chosen = job.input("rows", x), job.input("labels", np.eye(classes)[labels])
    h = job.node("MatMul", rows, job.weight("first", first))
    h = job.node("Add", job.node("Abs", h), h)
    z = job.node("Add", job.node("MatMul", h, job.weight("second", second)), job.weight("biases", biases))
    m = job.node("Sub", job.sum(job.node("Mul", z, chosen), 1), z)
    job.count_zeros(job.sum(job.node("Sub", job.node("Abs", m), m), 1))
    right_in_floats = (in_floats[own][:, None] >= in_floats).all(1)
    job.expect((margins >= 0).all(1), right_in_floats, max(abs(hidden).max(), abs(margins).max()))
    return job


def digits_mlp(rows):
    """The sample model; 6 and 4 bits behind the point change the prediction of eight of the 898 rows."""
    (x, labels), model = load("digits-test.csv", rows), onnx.load(SAMPLES / "digits-mlp.onnx")
    values = {i.name: numpy_helper.to_array(i).astype(float) for i in model.graph.initializer}
    offset, scale = scaler(model)
    w1, b1 = values["coefficient"], values["intercepts"][0]
    first = (w1 * scale[:, None], b1 - (offset * scale) @ w1)
    second = values["coefficient1"], values["intercepts1"][0]
    return mlp(x, labels.astype(int), [first, second], (64, 16))


def mnist_mlp(rows):
    """Synthetic, as Podium's own workload of this name: a fifth of the pixels set, weights of five bits."""
    rng = np.random.default_rng(0)
    x = (rng.random((rows, 784)) < 0.2) * rng.integers(0, 32, (rows, 784)).astype(float)
    layers = [
        (rng.integers(-15, 16, (n, m)).astype(float), rng.integers(-128, 128, m).astype(float))
        for n, m in ((784, 32), (32, 10))
    ]
    return mlp(x, np.arange(rows) % 10, layers, (1, 1))


def bc_linear(rows):
    """The sample model on features of 8 bits (mapped by the train split's range, as Podium does)."""
    (x, labels), (train, _) = load("breast-cancer-test.csv", rows), load("breast-cancer-train.csv")
    sign = np.where(labels == "malignant", 1.0, -1.0)[:, None]
    model = onnx.load(SAMPLES / "breast-cancer-logistic.onnx")
    offset, scale = scaler(model)
    linear = attributes(model.graph.node[1])
    # The second class's coefficients are the negated first's.
    weights = np.array(linear["coefficients"]).reshape(2, -1)[1] * scale
    bias = linear["intercepts"][1] - offset @ weights
    in_floats = (x @ weights + bias) * sign[:, 0]

    low, step = train.min(0), (train.max(0) - train.min(0)) / 255
    features = np.clip(np.round((x - low) / step), 0, 255)
    column = np.append(weights * step, bias + low @ weights)
    column = np.round(column * 64 / abs(column[:-1]).max())[:, None]
    signed = with_ones(features) * sign
    margins = signed @ column

    job = Job()
    m = job.node("MatMul", job.input("rows", signed), job.weight("weights", column))
    job.count_zeros(job.node("Sub", job.node("Abs", m), m))
    job.expect(margins[:, 0] >= 0, in_floats >= 0, abs(margins).max())
    return job


JOBS = {"bc-linear": bc_linear, "digits-mlp": digits_mlp, "mnist-mlp": mnist_mlp}


def peak_bytes():
    """Peak resident memory of this process."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        # Not ru_maxrss, which on Linux starts from the parent's peak.
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def timed(function, *arguments, **options):
    """Result and seconds; ezkl also tells of failures by returning False."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    seconds = time.perf_counter() - start
    if result is False:
        raise RuntimeError(f"ezkl.{function.__name__} returned False")
    return result, seconds


def setup(workload, rows, range_checks):
    """Graph, settings, structured reference string and keys, in the current folder."""
    job = JOBS[workload](rows)
    onnx.save(job.model, "model.onnx")
    Path("input.json").write_text(json.dumps({"input_data": [values.ravel().tolist() for values in job.data]}))

    options = ezkl.PyRunArgs()
    options.input_visibility, options.param_visibility, options.output_visibility = "public", "polycommit", "public"
    options.input_scale = options.param_scale = 0
    options.ignore_range_check_inputs_outputs = not range_checks
    options.decomp_legs = LEGS
    options.decomp_base = 2 ** math.ceil(math.log2(job.largest + 1) / LEGS)
    options.num_inner_cols = 2
    timed(ezkl.gen_settings, "model.onnx", "settings.json", py_run_args=options)
    # Scale 0 alone: others would only bring back what rounding beforehand saves.
    _, calibrate = timed(
        ezkl.calibrate_settings, "input.json", "model.onnx", "settings.json", "resources",
        scales=[0], scale_rebase_multiplier=[1],
    )
    settings = json.loads(Path("settings.json").read_text())
    logrows = settings["run_args"]["logrows"]

    _, srs = timed(ezkl.gen_srs, "srs", logrows)
    _, compile_seconds = timed(ezkl.compile_circuit, "model.onnx", "circuit", "settings.json")
    _, keys = timed(ezkl.setup, "circuit", "vk", "pk", "srs")
    return {
        "rows": job.rows,
        "right": job.right,
        "right_in_floats": job.right_in_floats,
        "logrows": logrows,
        "assignments": settings["total_assignments"],
        "srs_seconds": srs,
        "setup_seconds": calibrate + compile_seconds + keys,
        "setup_peak_bytes": peak_bytes(),
        "proving_key_bytes": Path("pk").stat().st_size,
        "verifying_key_bytes": Path("vk").stat().st_size,
    }


def witness():
    """What the circuit computes, its count among it."""
    result, seconds = timed(ezkl.gen_witness, "input.json", "circuit", "witness.json", "vk", "srs")
    return {"counted": ezkl.felt_to_int(result["outputs"][0][0]), "witness_seconds": seconds}


def prove():
    """One proof; ezkl reads the key within it."""
    before = time.process_time()
    _, seconds = timed(ezkl.prove, "witness.json", "circuit", "pk", "proof.json", "srs")
    proof = json.loads(Path("proof.json").read_text())
    return {
        "prove_seconds": seconds,
        # Of all threads: far less than the cores' share of the time tells of a busy machine.
        "prove_cpu_seconds": time.process_time() - before,
        "prove_peak_bytes": peak_bytes(),
        "proof_bytes": len(bytes.fromhex(proof["hex_proof"].removeprefix("0x"))),
        # The last public value; the others are the rows and the labels.
        "proved": ezkl.felt_to_int(proof["instances"][0][-1]),
    }


def verify():
    """The peer's own verdict, also on the proof with one row more."""
    verdict, seconds = timed(ezkl.verify, "proof.json", "settings.json", "vk", "srs")
    proof = json.loads(Path("proof.json").read_text())
    public = proof["instances"][0]
    public[-1] = (ezkl.felt_to_int(public[-1]) + 1).to_bytes(32, "little").hex()
    Path("forgery.json").write_text(json.dumps(proof))
    try:
        forgery = ezkl.verify("forgery.json", "settings.json", "vk", "srs")
    except RuntimeError as error:
        # ezkl's words for a proof that does not hold; anything else is a failure of this program.
        if "not satisfied" not in str(error):
            raise
        forgery = False
    return {"verified": verdict is True, "forgery_verified": forgery is not False, "verify_seconds": seconds}


def main():
    """One stage in this process: ``setup WORKLOAD ROWS [range-checks]``, ``witness``, ``prove`` or ``verify``."""
    stage, *arguments = sys.argv[1:]
    if stage == "setup":
        figures = setup(arguments[0], int(arguments[1]), arguments[2:] == ["range-checks"])
    else:
        figures = {"witness": witness, "prove": prove, "verify": verify}[stage]()
    Path(f"{stage}.figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
