"""What the training scripts share: reading the splits, augmenting digits, writing predictions."""

import csv
from pathlib import Path

import numpy as np

SAMPLES = Path(__file__).parent.parent / "samples"
SIDE = 8


def load(path):
    """Features as float64 and labels as text."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float(v) for v in row[:-1]] for row in rows]), np.array([row[-1] for row in rows])


def jitter(x, rng, shift=0.7, degrees=12.0, zoom=0.1):
    """Every digit turned, zoomed and moved a little at random, with bilinear interpolation."""
    n = len(x)
    angle = np.deg2rad(rng.uniform(-degrees, degrees, n))
    scale = np.exp(rng.uniform(-zoom, zoom, n))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    centre = (SIDE - 1) / 2
    row, col = (axis.ravel() - centre for axis in np.mgrid[:SIDE, :SIDE])
    move = rng.uniform(-shift, shift, (2, n, 1)) + centre
    source_row = np.outer(cos, row) - np.outer(sin, col) + move[0]
    source_col = np.outer(sin, row) + np.outer(cos, col) + move[1]
    padded = np.pad(x.reshape(n, SIDE, SIDE), ((0, 0), (2, 2), (2, 2)))
    source_row = np.clip(source_row + 2, 0, SIDE + 2.999)
    source_col = np.clip(source_col + 2, 0, SIDE + 2.999)
    top, left = source_row.astype(int), source_col.astype(int)
    down, right = source_row - top, source_col - left
    image = np.arange(n)[:, None]
    upper = padded[image, top, left] * (1 - right) + padded[image, top, left + 1] * right
    lower = padded[image, top + 1, left] * (1 - right) + padded[image, top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


def write_results(name, predicted, actual):
    """``NAME.predictions.csv``: the predicted label of every row of the test split, in its order."""
    right = int((predicted == actual).sum())
    print(f"{name}: {right} of {len(actual)} right ({right / len(actual):.2%})")
    with (SAMPLES / f"{name}.predictions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["prediction"])
        out.writerows([label] for label in predicted)
