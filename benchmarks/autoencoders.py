"""Published autoencoders on real scenes, with raw and with quantised latents.

Command: ``python benchmarks/autoencoders.py -o docs/results/autoencoders --runs DIR``

1D-CAE, SSCNet and 3D-CAE are trained twice on two AVIRIS scenes, each time for five to ten minutes
of a core, and judged on the third, beside KLT + JPEG 2000. Nobody publishes them after so short a
training: what is compared is what a user gets who has a processor and little time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trained_codecs import Variant, compare

WEIGHT = "rate_weight=0.01"
STEPS = {
    "cae-1d": ("steps=1500",),
    "sscnet": ("steps=1000", "batch=4"),
    "cae-3d": ("steps=400", "batch=2"),
}
RAW = tuple(Variant(name, name, name, steps) for name, steps in STEPS.items())
QUANTISED = tuple(
    Variant(f"{name}-quantised", f"{name}-quantised", f"{name}-quantised", (*steps, WEIGHT))
    for name, steps in STEPS.items()
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results/autoencoders"))
    parser.add_argument("--runs", type=Path, default=Path("autoencoder-runs"))
    arguments = parser.parse_args()
    command = "python benchmarks/autoencoders.py -o docs/results/autoencoders --runs DIR"
    compare((*RAW, *QUANTISED), arguments.runs, arguments.out, command)


if __name__ == "__main__":
    main()
