"""What a look at the data before a run has found."""

from __future__ import annotations

from dataclasses import dataclass

from tamscore.errors import InputContractError, TamscoreError


@dataclass(frozen=True)
class Finding:
    """One thing that the data say; `stops` if a run of the job ends with it, with the kind of error in `refusal`."""

    text: str
    stops: bool = False
    refusal: type[TamscoreError] = InputContractError
