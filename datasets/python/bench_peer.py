"""Podium and ezkl side by side, in one run on one machine, at the same job: prove how many of N rows a hidden,
committed model classifies correctly.

    cargo build --release --bin node
    python3 datasets/python/bench_peer.py [--only WORKLOAD] [--rows N] [--quick] [--range-checks on|off|both] [--json FILE]

The first run makes a virtual environment with what ``requirements-peer.txt`` pins (``--env`` says where). How ezkl
is asked, and why that is the cheapest way, stands in ``peer_ezkl.py``. Every stage of ezkl runs in a process of its
own, as Podium's do, so that peak memory is that of the stage; ezkl proves once, Podium's times are medians of three.
ezkl is measured twice. With its range checks of inputs and weights, as it is unless told otherwise: this is the
variant that the targets are about, because weights in range are a part of what Podium proves. And without them:
several times faster, but then weights may be any field elements.

ezkl's count is compared with numpy's, its proof is verified, and must not verify for another count: a wrong circuit
ends the run.

What is counted: "prove" is the call that proves. ezkl's reads its key from disk and commits to the model within it;
Podium loads the key once a process and proves once a model that its commitment is well formed. The last ratio counts
these, and ezkl's witness generation, too. "setup" is without the structured reference string, which ezkl's users
download; here it is generated, and its seconds stand in the JSON.

ezkl's circuits come in powers of two. The rows measured by default are those of the targets; others can be kinder to
ezkl: with 784 pixels, 40 rows need no larger a circuit than 10 (``--only mnist-mlp --rows 40``).

Needs Python 3.11, and about 6 GB of memory and 6 GB of disk in the temporary folder. Close other programs: both
systems use all cores. Ends with 0 if everything was measured, whether or not the targets are reached; else with 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements-peer.txt"
BUILD = "cargo build --release --bin node"

# ezkl's rows, those of --quick, and how many times Podium's rate a row is to be ezkl's.
WORKLOADS = {
    "bc-linear": (284, 20, 60),
    "digits-mlp": (100, 10, 500),
    "mnist-mlp": (10, 2, 800),
}
# Podium is to need at most a tenth of ezkl's memory at ten times its rows.
MEMORY, ROWS = 10, 10

STAGES = ("setup", "witness", "prove", "verify")


class Failure(Exception):
    """Something that the user is told in one line."""


def progress(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", choices=WORKLOADS, help="only this workload")
    parser.add_argument("--rows", type=int, metavar="N", help="ezkl's rows instead of the workload's")
    parser.add_argument("--quick", action="store_true", help="few rows: whether everything works, not how fast")
    parser.add_argument("--range-checks", choices=("on", "off", "both"), default="both",
                        help="ezkl's own range checks of inputs and weights (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there; - is stdout, without the table")
    parser.add_argument("--env", type=Path, default=cache / "podium-bench-peer", metavar="DIR",
                        help="the virtual environment (default: %(default)s)")
    parser.add_argument("--podium", type=Path, default=HERE.parents[1] / "target" / "release" / "node", metavar="PATH",
                        help="the release binary (default: target/release/node)")
    chosen = parser.parse_args()
    if chosen.rows is not None and chosen.rows < 1:
        parser.error("--rows: expected at least 1")
    return chosen


def enter(folder):
    """Run again in the virtual environment, which is made if it is not there or pins something else."""
    folder = folder.absolute()
    if folder.exists() and folder.samefile(sys.prefix):
        return
    if sys.version_info < (3, 11):
        raise Failure("Python 3.11 or newer is needed")
    python, stamp = folder / "bin" / "python", folder / "requirements"
    pinned = REQUIREMENTS.read_text(encoding="utf-8")
    if not (python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == pinned):
        progress(f"installing {REQUIREMENTS.name} in {folder} ...")
        if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
            raise Failure(f"{folder} is neither empty nor a virtual environment")
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        # pip's output must not get between the lines of --json -.
        if subprocess.run(install, stdout=sys.stderr).returncode != 0:
            raise Failure(f"could not install {REQUIREMENTS.name}: a network or a package mirror is needed once")
        stamp.write_text(pinned, encoding="utf-8")
    os.execv(python, [python, __file__, *sys.argv[1:]])


def measure_ezkl(workload, rows, range_checks):
    """All stages of one proof, and whether they prove what they should."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="podium-bench-peer-") as folder:
        for stage in STAGES:
            progress(f"ezkl {workload}, {rows} rows: {stage} ...")
            command = [sys.executable, HERE / "peer_ezkl.py", stage]
            if stage == "setup":
                command += [workload, str(rows), *(["range-checks"] if range_checks else [])]
            # ezkl prints a report or two; they matter only if it fails.
            run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if run.returncode != 0:
                progress(run.stdout.decode(errors="replace").strip())
                raise Failure(f"ezkl {workload}: {stage} failed with {run.returncode}")
            figures |= json.loads((Path(folder) / f"{stage}.figures.json").read_text())
    counts = f"numpy counts {figures['right']} of {figures['rows']} rows (in floats {figures['right_in_floats']})"
    counts += f", ezkl's circuit {figures['counted']}, its proof says {figures['proved']}"
    progress(f"ezkl {workload}: {counts}, verified: {figures['verified']}")
    if figures["forgery_verified"]:
        raise Failure(f"ezkl {workload}: wrong circuit: the proof verifies for another count, too")
    if not figures["verified"]:
        raise Failure(f"ezkl {workload}: the proof does not verify")
    if not figures["right"] == figures["counted"] == figures["proved"]:
        raise Failure(f"ezkl {workload}: wrong circuit: {counts}")
    return figures


def measure_podium(binary, workload):
    """What ``node bench`` says; fields that are not needed here are kept as they are."""
    progress(f"podium {workload} ...")
    # A folder of its own: the user's node and data are none of a measurement's business.
    with tempfile.TemporaryDirectory(prefix="podium-bench-peer-") as folder:
        command = [binary, "bench", "--json", "--workload", workload]
        run = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PODIUM_DATA_DIR": folder})
    if run.returncode != 0:
        raise Failure(f"{binary} bench --workload {workload} failed with {run.returncode}")
    try:
        found = json.loads(run.stdout)
        # A list today; an object that holds one would do as well.
        lines = found if isinstance(found, list) else next(v for v in found.values() if isinstance(v, list))
        figures = next(line for line in lines if line["workload"] == workload)
        for field in ("rows", "prove_seconds", "proving_key_bytes", "verify_seconds", "proof_bytes", "setup_seconds"):
            if not isinstance(figures[field], int | float):
                raise ValueError(f"{field} is not a number")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise Failure(f"{binary} bench --json: unexpected answer: {error!r}") from error
    return figures


def milliseconds(figures, *fields):
    """A row's share of these stages; a stage that was not measured counts nothing."""
    return sum(figures.get(field) or 0 for field in fields) * 1000 / figures["rows"]


def compare(workload, ezkl, podium, range_checks):
    """Ratios and, where ezkl's range checks are on, whether the targets are reached."""
    peaks = ezkl.get("prove_peak_bytes"), podium.get("prove_peak_bytes")
    rows = podium["rows"] / ezkl["rows"]
    memory = peaks[0] / peaks[1] if all(peaks) else None
    rate = milliseconds(ezkl, "prove_seconds") / milliseconds(podium, "prove_seconds")
    whole = milliseconds(ezkl, "witness_seconds", "prove_seconds")
    whole /= milliseconds(podium, "load_seconds", "prove_model_seconds", "prove_seconds")
    target = WORKLOADS[workload][2]
    # More rows never need less memory: so much, and no more, follows from another number of rows than ten times ezkl's.
    if memory is None:
        verdict = "not measured"
    elif memory >= MEMORY and rows >= ROWS:
        verdict = "reached"
    elif memory < MEMORY and int(rows) <= ROWS:
        verdict = "not reached"
    else:
        verdict = f"not decided by these rows; --rows {podium['rows'] // ROWS} does"
    if not range_checks:
        verdict = "no target: ezkl proves less here"
    return {
        "workload": workload,
        "range_checks": range_checks,
        "ezkl": ezkl | {"ms_a_row": milliseconds(ezkl, "prove_seconds")},
        "podium": podium | {"ms_a_row": milliseconds(podium, "prove_seconds")},
        "rate_ratio": rate,
        "rate_ratio_whole": whole,
        "rate_target": target,
        "rate_verdict": verdict if not range_checks else "reached" if rate >= target else "not reached",
        "memory_ratio": memory,
        "rows_ratio": rows,
        "memory_target": MEMORY,
        "memory_target_rows_ratio": ROWS,
        "memory_verdict": verdict,
    }


def size(number):
    if number is None:
        return "n/a"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.3g} {unit}" if unit != "B" else f"{number} B"
        number /= 1000


def seconds(number):
    return f"{number * 1000:.3g} ms" if number < 0.1 else f"{number:.3g} s" if number < 100 else f"{number:.0f} s"


def text(comparisons):
    """A table, and under it ratios and targets."""
    lines = [["workload", "system", "rows", "right", "setup", "key", "prove", "memory", "verify", "proof", "ms a row"]]
    for found in comparisons:
        name = "ezkl" if found["range_checks"] else "ezkl, no range checks"
        for system, name, right in (("ezkl", name, "proved"), ("podium", "podium", "correct")):
            of = found[system]
            lines.append([
                found["workload"], name, str(of["rows"]), str(of.get(right, "n/a")), seconds(of["setup_seconds"]),
                size(of["proving_key_bytes"]), seconds(of["prove_seconds"]), size(of.get("prove_peak_bytes")),
                seconds(of["verify_seconds"]), size(of["proof_bytes"]), f"{of['ms_a_row']:.3g}",
            ])
    widths = [max(map(len, column)) for column in zip(*lines)]
    table = []
    for line in lines:
        cells = [cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))]
        table.append("  ".join(cells).rstrip())
    for found in comparisons:
        ezkl, podium, memory = found["ezkl"], found["podium"], found["memory_ratio"]
        table += [
            "",
            f"{found['workload']}{'' if found['range_checks'] else ', ezkl without range checks'}: rate per row {found['rate_ratio']:.3g} times ezkl's; target {found['rate_target']}: "
            f"{found['rate_verdict']}",
            f"  with loading, model proof and witness: {found['rate_ratio_whole']:.3g} times",
            f"  memory: ezkl {size(ezkl.get('prove_peak_bytes'))} for {ezkl['rows']} rows, Podium "
            f"{size(podium.get('prove_peak_bytes'))} for {podium['rows']} rows"
            + (f": 1/{memory:.3g} at {found['rows_ratio']:.3g} times the rows" if memory else "")
            + f"; target 1/{MEMORY} at {ROWS} times: {found['memory_verdict']}",
        ]
    return "\n".join(table)


def run(chosen):
    # Before minutes of measuring.
    if not os.access(chosen.podium, os.X_OK) or not chosen.podium.is_file():
        raise Failure(f"{chosen.podium} is missing; build it with: {BUILD}")
    enter(chosen.env)
    # The other programs' load; both systems would be slowed, but not alike.
    load = os.getloadavg()[0]
    if load > 0.5:
        progress(f"warning: this machine is busy (load {load:.1f}); the times will be too long")
    comparisons = []
    for workload in [chosen.only] if chosen.only else WORKLOADS:
        full, quick, _ = WORKLOADS[workload]
        rows = chosen.rows or (quick if chosen.quick else full)
        podium = measure_podium(chosen.podium.absolute(), workload)
        for range_checks in {"on": [True], "off": [False], "both": [True, False]}[chosen.range_checks]:
            ezkl = measure_ezkl(workload, rows, range_checks)
            comparisons.append(compare(workload, ezkl, podium, range_checks))
    if chosen.json != "-":
        print(text(comparisons))
    if chosen.json:
        conditions = {"cores": os.cpu_count(), "load": load}
        document = json.dumps(conditions | {"workloads": comparisons}, indent=1)
        if chosen.json == "-":
            print(document)
        else:
            Path(chosen.json).write_text(document + "\n", encoding="utf-8")


def main():
    try:
        run(arguments())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        progress(f"bench_peer.py: {error}")
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
