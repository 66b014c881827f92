"""Iceberg's metadata name files by where the table was once written; a table that was copied is read where it lies."""

from __future__ import annotations

from typing import Any

from pyiceberg.io.pyarrow import PyArrowFileIO

FROM, TO = "tamscore.moved-from", "tamscore.moved-to"
IO = f"{__name__}.MovedFileIO"


class MovedFileIO(PyArrowFileIO):  # type: ignore[misc, unused-ignore]
    """Opens the files of a table in the folder that its properties name in place of the one in its metadata."""

    def new_input(self, location: str) -> Any:
        """Return a file to read."""
        before, now = self.properties[FROM], self.properties[TO]
        here = now + location.removeprefix(before) if location.startswith(f"{before}/") else location
        return super().new_input(here)
