"""CuPy by the array-API standard, with CuPy's own functions in place of slow ones of array-api-compat."""

from __future__ import annotations

from typing import Any


class Namespace:
    """Return the names of `standard`, but `clip` as CuPy has it.

    array-api-compat builds `clip` from gathers and scatters by a boolean mask: 65 kernels and 8 waits for the device.
    CuPy's own is one kernel, keeps NaN and the sign of zero, and so gives what NumPy gives.
    """

    def __init__(self, standard: Any, cp: Any) -> None:
        self._standard = standard
        self.clip = cp.clip

    def __getattr__(self, name: str) -> Any:
        """Return the function or type of the standard."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._standard, name)
