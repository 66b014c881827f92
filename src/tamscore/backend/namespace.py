"""CuPy by the array-API standard, with CuPy's own functions in place of slow ones of array-api-compat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.backend import Array


class Namespace:
    """Return the names of `standard`, but `clip` as CuPy has it, and `matmul` as a `product` of ours.

    array-api-compat builds `clip` from gathers and scatters by a boolean mask: 65 kernels and 8 waits for the device.
    CuPy's own is one kernel, keeps NaN and the sign of zero, and so gives what NumPy gives. CuPy's `matmul` needs
    cuBLAS, which is three quarters of what the lean reader would have to download.
    """

    def __init__(self, standard: Any, cp: Any, product: Callable[[Array, Array], Array]) -> None:
        self._standard = standard
        self.clip = cp.clip
        self.matmul = product

    def __getattr__(self, name: str) -> Any:
        """Return the function or type of the standard."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._standard, name)
