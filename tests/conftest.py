"""Settings that every test shares."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Processes that a test starts find both the package and the test modules.
os.environ["PYTHONPATH"] = str(ROOT)
# No test asks the Hugging Face hub for files.
os.environ["HF_HUB_OFFLINE"] = "1"
