"""How well embeddings tell classes apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def classification_accuracy(
    train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor, *args: Any, **kwargs: Any
) -> float:
    """Fit scikit-learn's logistic regression on embeddings and return its accuracy on others.

    Args:
        train_z: Embeddings to fit, float [n, F].
        train_y: Their labels, [n].
        test_z: Embeddings to classify, float [m, F].
        test_y: Their labels, [m].
        *args: Arguments of `LogisticRegression`.
        **kwargs: Arguments of `LogisticRegression`.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(*args, **kwargs)
    model.fit(train_z.detach().cpu().numpy(), train_y.detach().cpu().numpy())
    return float(model.score(test_z.detach().cpu().numpy(), test_y.detach().cpu().numpy()))
