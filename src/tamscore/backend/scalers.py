"""Scalers of a library, scikit-learn's or cuML's, which have the same names: what they find in a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tamscore.backend import Array


def fit_scaler(preprocessing: Any, kind: str, column: Array) -> tuple[float, float]:
    """Return what a scaler of the module `preprocessing` finds in a column (m,) without NaN.

    That is mean and variance under `standard`, the lowest value and the range under `minmax`, the median and the
    distance of the quartiles under `robust`. These interpolate where a rank falls between two values, ours do not.
    """
    rows = column[:, None]
    if kind == "standard":
        standard = preprocessing.StandardScaler().fit(rows)
        return float(standard.mean_[0]), float(standard.var_[0])
    if kind == "minmax":
        bounded = preprocessing.MinMaxScaler().fit(rows)
        return float(bounded.data_min_[0]), float(bounded.data_range_[0])
    robust = preprocessing.RobustScaler().fit(rows)
    return float(robust.center_[0]), float(robust.scale_[0])
