"""Untrained PyTorch models in the forms that its exporter writes, for the importer's tests.

Made with PyTorch 1.13.1 as packaged by Debian 12. Run before ``make_fixtures.py``, which writes down what
onnxruntime predicts. Writes ``torch-*.onnx`` to ``datasets/tests/fixtures``.

    python make_fixtures_torch.py
"""

from pathlib import Path

import torch
from torch import nn

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"


class Model(nn.Module):
    """Any function of a module's layers as a module."""

    def __init__(self, forward, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = forward

    def forward(self, x):
        """The function."""
        return self.function(self, x)


def two_layers(classes, bias=True):
    """4-5-classes."""
    return {"fc1": nn.Linear(4, 5), "fc2": nn.Linear(5, classes, bias=bias)}


def relu_net(m, x):
    """The usual network on flat rows."""
    return m.fc2(torch.relu(m.fc1(x)))


def main():
    """Export every form."""
    torch.manual_seed(7)
    flat, image = torch.zeros(1, 4), torch.zeros(1, 1, 2, 2)
    # name: (model, example input, whether the batch is fixed at one row)
    models = {
        "linear": (nn.Sequential(nn.Linear(4, 3)), flat, True),
        "sequential": (nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), image, False),
        "log-softmax": (Model(lambda m, x: torch.log_softmax(relu_net(m, x), 1), **two_layers(3)), flat, False),
        "argmax": (
            Model(lambda m, x: relu_net(m, (x.view(-1, 4) - 0.3) / 2).argmax(1), **two_layers(3, bias=False)),
            image,
            False,
        ),
        "sigmoid": (
            Model(lambda m, x: torch.sigmoid(relu_net(m, x.view(x.size(0), -1))).squeeze(1), **two_layers(1)),
            image,
            False,
        ),
        "two-linear": (nn.Sequential(nn.Linear(4, 5), nn.Dropout(), nn.Linear(5, 3), nn.Softmax(1)), flat, False),
        "refused/torch-deep": (
            nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3)),
            flat,
            False,
        ),
        "refused/torch-one-output": (nn.Sequential(nn.Linear(4, 1)), flat, False),
        "refused/torch-convolution": (
            nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)),
            image,
            False,
        ),
        "refused/torch-residual": (Model(lambda m, x: m.fc(x) + x, fc=nn.Linear(4, 4)), flat, False),
    }
    for name, (model, example, fixed) in models.items():
        path = FIXTURES / (f"{name}.onnx" if "/" in name else f"torch-{name}.onnx")
        axes = {} if fixed else {"input": {0: "batch"}}
        torch.onnx.export(model.eval(), example, str(path), input_names=["input"], dynamic_axes=axes)


if __name__ == "__main__":
    main()
