"""Small scikit-learn models in the forms that skl2onnx writes, for the importer's tests.

Writes ``sklearn-*.onnx`` to ``datasets/tests/fixtures``, and ``expected.json``: a few rows, and for every
model that should be accepted (those of ``make_fixtures_torch.py``, too) what onnxruntime predicts for them.

    python make_fixtures.py
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
ROWS = 40


def mlp(**options):
    """4-5-classes."""
    return MLPClassifier((5,), max_iter=300, random_state=0, learning_rate_init=0.01, **options)


def export(name, model, x, y, tensor=FloatTensorType, **options):
    """Train and write one model."""
    model.fit(x, y)
    exported = to_onnx(model, initial_types=[("input", tensor([None, 4]))], options=options or None)
    (FIXTURES / f"{name}.onnx").write_bytes(exported.SerializeToString())


def predictions(path, x):
    """One label or class index a row, as text, by onnxruntime."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = session.get_inputs()[0]
    dtype = np.float64 if wanted.type == "tensor(double)" else np.float32
    shape = [1, *(size for size in wanted.shape[1:])]
    out = []
    for row in x:
        first = np.asarray(session.run(None, {wanted.name: row.astype(dtype).reshape(shape)})[0]).ravel()
        if len(first) > 1:
            out.append(str(first.argmax()))
        elif first.dtype.kind == "f":
            out.append(str(int(first[0] > 0.5)))
        else:
            out.append(str(first[0]))
    return out


def main():
    """Train, export and write down what is expected."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 4)) * [1, 5, 0.1, 2] + [0, 3, 0, -1]
    score = x @ rng.normal(size=(4, 3)) / [1, 2, 1] + rng.normal(size=(200, 3))
    three, two = score.argmax(1), (score[:, 0] > np.median(score[:, 0])).astype(int)
    text, apart = np.array(["ham", "spam"])[two], np.array([30, 7, 11])[three]
    export("sklearn-logistic", LogisticRegression(), x, three)
    export("sklearn-logistic-binary", LogisticRegression(), x, text, zipmap=False)
    export("sklearn-logistic-raw", LogisticRegression(), x, apart, zipmap=False, raw_scores=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    export("sklearn-pipeline-double", pipeline, x, three, DoubleTensorType, zipmap=False)
    export("sklearn-min-max", make_pipeline(MinMaxScaler(), LogisticRegression()), x, three, zipmap=False)
    export("sklearn-mlp", make_pipeline(StandardScaler(), mlp()), x, apart, zipmap=False)
    export("sklearn-mlp-binary", mlp(), x, text)
    export("sklearn-mlp-double", make_pipeline(StandardScaler(), mlp()), x, three, DoubleTensorType, zipmap=False)
    export("sklearn-mlp-identity", mlp(activation="identity"), x, three, zipmap=False)
    export("sklearn-sgd", SGDClassifier(random_state=0), x, three, zipmap=False)
    export("sklearn-svc-binary", LinearSVC(), x, two)
    export("refused/sklearn-tanh", mlp(activation="tanh"), x, three, zipmap=False)
    export("refused/sklearn-one-vs-rest", OneVsRestClassifier(LogisticRegression()), x, three, zipmap=False)
    export("refused/sklearn-forest", RandomForestClassifier(3, max_depth=2, random_state=0), x, three, zipmap=False)
    polynomial = make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=1000))
    export("refused/sklearn-polynomial", polynomial, x, three, zipmap=False)
    rows = x[:ROWS].astype(np.float32)
    expected = {path.stem: predictions(path, rows) for path in sorted(FIXTURES.glob("*.onnx"))}
    for name, labels in expected.items():
        print(name, *labels[:12], f"({len(set(labels))} classes)")
    document = {"rows": rows.astype(float).tolist(), "predictions": expected}
    (FIXTURES / "expected.json").write_text(json.dumps(document) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
