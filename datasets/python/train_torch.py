"""Train the PyTorch sample model on the digits train split and export it with PyTorch's own exporter.

A script of its own, because PyTorch is by far the largest download. The committed file was made with PyTorch
1.13.1 and numpy 1.24 as packaged by Debian 12 (``apt install python3-torch``). Writes ``digits-mlp-torch.onnx``
(``Sub -> Div -> Flatten -> Gemm -> Relu -> Gemm``, no class labels) and its ``.predictions.csv``.

    OMP_NUM_THREADS=1 python train_torch.py
"""

import numpy as np
import torch
from common import SAMPLES, jitter, load, write_results
from torch import nn

EPOCHS = 300
BATCH = 64


class Network(nn.Module):
    """Pixels 0 to 16 in, ten logits out."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(64, 32)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        """The usual normalisation first: about the mean and deviation of all pixels."""
        return self.fc2(self.relu(self.fc1(self.flatten((x - 5.0) / 6.0))))


def train(x, y):
    """Adam with a falling rate; every epoch sees the digits jittered anew."""
    rng = np.random.default_rng(0)
    torch.manual_seed(1)
    network = Network()
    adam = torch.optim.Adam(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, EPOCHS)
    for _ in range(EPOCHS):
        seen = torch.from_numpy(jitter(x, rng).astype(np.float32))
        for batch in torch.from_numpy(rng.permutation(len(x))).split(BATCH):
            adam.zero_grad()
            nn.functional.cross_entropy(network(seen[batch]), y[batch]).backward()
            adam.step()
        schedule.step()
    return network.eval()


def main():
    """Train, export and write down the predictions."""
    (x, y), (x_test, y_test) = (load(SAMPLES / f"digits-{part}.csv") for part in ("train", "test"))
    network = train(x, torch.from_numpy(y.astype(np.int64)))
    torch.onnx.export(
        network,
        torch.zeros(1, 64),
        str(SAMPLES / "digits-mlp-torch.onnx"),
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    with torch.no_grad():
        predicted = network(torch.from_numpy(x_test.astype(np.float32))).argmax(1).numpy()
    write_results("digits-mlp-torch", predicted, y_test.astype(int))


if __name__ == "__main__":
    main()
