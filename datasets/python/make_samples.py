"""Split scikit-learn's bundled digits and breast cancer data into the CSV files of ``datasets/samples``.

Run once; the result is committed. The split is stratified by class and has a fixed seed:

    python make_samples.py [FOLDER]
"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

SEED = 2024


def text(value):
    """The shortest text of a number: integers without a decimal point."""
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


def write(path, header, x, y):
    """One CSV file: the features, then the label."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for row, label in zip(x, y, strict=True):
            out.writerow([*map(text, row), label])
    print(f"{path.name}: {len(y)} rows, {len(header) - 1} features")


def split(folder, name, header, x, y, test_rows):
    """Stratified split into ``NAME-train.csv`` and ``NAME-test.csv``."""
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_rows, stratify=y, random_state=SEED
    )
    write(folder / f"{name}-train.csv", header, x_train, y_train)
    write(folder / f"{name}-test.csv", header, x_test, y_test)


def main():
    """Write the four files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "samples"
    digits = load_digits()
    split(folder, "digits", [*digits.feature_names, "digit"], digits.data, digits.target, 898)
    cancer = load_breast_cancer()
    names = [name.replace(" ", "_") for name in cancer.feature_names]
    diagnosis = cancer.target_names[cancer.target]
    split(folder, "breast-cancer", [*names, "diagnosis"], cancer.data, diagnosis, 284)


if __name__ == "__main__":
    main()
