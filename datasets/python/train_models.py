"""Train the scikit-learn sample models on the train splits and export them with skl2onnx.

Hyper-parameters come from cross-validation on the train splits; the test splits are read only to write
down what the finished models predict. Writes to ``datasets/samples``:

* ``digits-logistic.onnx``: LogisticRegression on raw pixels (``LinearClassifier``, integer labels);
* ``digits-mlp.onnx``: StandardScaler and MLPClassifier 64-32-10 in one pipeline;
* ``breast-cancer-logistic.onnx``: StandardScaler and LogisticRegression, text labels;
* a ``.predictions.csv`` beside each: what scikit-learn itself predicts for the test split.

    OMP_NUM_THREADS=1 python train_models.py
"""

import warnings

import numpy as np
import onnxruntime
from common import SAMPLES, jitter, load, write_results
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COPIES = 16


def augmented(x, y):
    """The train split and sixteen jittered copies of it."""
    rng = np.random.default_rng(0)
    copies = [x, *(jitter(x, rng) for _ in range(COPIES))]
    return np.concatenate(copies), np.tile(y, COPIES + 1)


def cross_check(exported, x, predicted):
    """Rows in which onnxruntime and scikit-learn disagree."""
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    labels = session.run(["label"], {"input": x.astype(np.float32)})[0]
    return int((labels != predicted).sum())


def main():
    """Train, export, cross-check and write down the predictions."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    digits, cancer = (
        [load(SAMPLES / f"{name}-{part}.csv") for part in ("train", "test")] for name in ("digits", "breast-cancer")
    )
    # Integer labels in the graph, as most people's models have them.
    (x, y), (x_test, y_test) = ((x, y.astype(int)) for x, y in digits)
    network = MLPClassifier(
        (32,), alpha=0.2, learning_rate_init=2e-3, batch_size=128, max_iter=60, random_state=1
    )
    jobs = [
        ("digits-logistic", LogisticRegression(C=0.01, max_iter=5000), (x, y), (x_test, y_test)),
        ("digits-mlp", make_pipeline(StandardScaler(), network), augmented(x, y), (x_test, y_test)),
        ("breast-cancer-logistic", make_pipeline(StandardScaler(), LogisticRegression(C=0.3)), *cancer),
    ]
    for name, model, (x, y), (x_test, y_test) in jobs:
        model.fit(x, y)
        inputs = [("input", FloatTensorType([None, x.shape[1]]))]
        exported = to_onnx(model, initial_types=inputs, options={"zipmap": False})
        (SAMPLES / f"{name}.onnx").write_bytes(exported.SerializeToString())
        predicted = model.predict(x_test)
        write_results(name, predicted, y_test)
        print(f"  rows in which onnxruntime disagrees: {cross_check(exported, x_test, predicted)}")


if __name__ == "__main__":
    main()
