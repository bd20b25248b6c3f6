import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.tables import bfloat16

FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(FLOATS)
def test_rounding_is_that_of_torch(values):
    array = np.array(values, np.float32)
    bits = bfloat16.from_float32(array)
    expected = torch.from_numpy(array).bfloat16()
    assert (bits == expected.view(torch.int16).numpy().view(np.uint16)).all()
    assert (bfloat16.to_float32(bits) == expected.float().numpy()).all()


def test_nan_and_infinity_stay():
    array = np.array([np.nan, np.inf, -np.inf, 3e38, 3.4e38, 0], np.float32)
    bits = bfloat16.from_float32(array)
    assert bfloat16.is_nonfinite(bits).tolist() == [True, True, True, False, True, False]
    assert np.isnan(bfloat16.to_float32(bits)[0])
    # Payload bits of a NaN in the lower half alone must not round to infinity.
    quiet = np.array([0x7F800001], np.uint32).view(np.float32)
    assert np.isnan(bfloat16.to_float32(bfloat16.from_float32(quiet)))[0]
