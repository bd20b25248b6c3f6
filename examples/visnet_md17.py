"""ViSNet on energies and forces of ethanol (MD17), 950 training frames.

    python examples/visnet_md17.py --data ../shared/data
    python examples/visnet_md17.py --steps 200000      # towards the published figures

Published with 950 training frames, for a wider and deeper model (256 channels, 9 layers, lmax 2)
trained for days: mean absolute errors 0.051 kcal/mol and 0.060 kcal/mol/Angstrom (Wang et al. 2024,
https://arxiv.org/abs/2210.16518, table 1).
"""

from __future__ import annotations

from force_field import Setting, run

from distgnn.nn import ViSNet


def build() -> ViSNet:
    """Return the model that is trained: smaller than the published one."""
    return ViSNet(hidden_channels=64, num_layers=4, derivative=True)


if __name__ == "__main__":
    published = ("0.051", "0.060")
    run(__doc__, [("ViSNet", build, Setting(steps=10_000, lr=5e-4, published=published))])
