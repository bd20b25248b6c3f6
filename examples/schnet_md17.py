"""SchNet on energies and forces of ethanol (MD17), 950 training frames.

    python examples/schnet_md17.py --data ../shared/data
    python examples/schnet_md17.py --steps 200000      # towards the published figures

Published, with 1000 training frames: mean absolute errors 0.08 kcal/mol and 0.39 kcal/mol/Angstrom
(Schütt et al. 2017, https://arxiv.org/abs/1706.08566, table 2), after days of training.
"""

from __future__ import annotations

from force_field import Setting, run

from distgnn.nn import SchNet


def build() -> SchNet:
    """Return the model that is trained."""
    return SchNet(num_interactions=3, cutoff=5.0)


if __name__ == "__main__":
    run(__doc__, [("SchNet", build, Setting(steps=20_000, lr=1e-3, published=("0.08", "0.39")))])
