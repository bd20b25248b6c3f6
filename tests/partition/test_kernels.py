import importlib
import sys

import pytest

from distgnn.exceptions import MissingDependencyError
from distgnn.partition import kernels


def test_missing_kernels_say_how_to_compile_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "distgnn.partition._kernels", None)
    with pytest.raises(MissingDependencyError, match="pip install --editable"):
        importlib.reload(kernels)
