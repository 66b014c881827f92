"""How pyiceberg opens the files of a table: as this program opens others, and where the table lies now.

The metadata name files by where the table was when they were written, even if it has been copied elsewhere since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pyiceberg.io import FileIO, InputFile

from tamscore.store.contents import source, stamp_of
from tamscore.store.location import location

if TYPE_CHECKING:
    from tamscore.store.location import Location

FROM, TO = "tamscore.from", "tamscore.to"
IO = f"{__name__}.TableFiles"


def place(address: str, before: str, now: str) -> Location:
    """Return where a file lies, given the folder of its table when its metadata were written and the one now."""
    if before and address.startswith(f"{before}/"):
        return location(f"{now}/{address.removeprefix(f'{before}/')}")
    return location(f"/{address.removeprefix('file:').lstrip('/')}" if address.startswith("file:") else address)


class _TableFile(InputFile):
    """One file of a table, to be read."""

    def __init__(self, address: str, place: Location) -> None:
        super().__init__(address)
        self._place = place

    def __len__(self) -> int:
        """Return its size in bytes."""
        return stamp_of(self._place)[0]

    def exists(self) -> bool:
        """Return whether it is there."""
        return self._place.is_file()

    def open(self, seekable: bool = True) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        """Return it as an open file."""
        del seekable
        result = source(str(self._place))
        return self._place.open("rb") if isinstance(result, str) else result


class TableFiles(FileIO):
    """The files of a table that was written in the folder FROM of its properties and lies in TO now."""

    def new_input(self, location: str) -> _TableFile:
        """Return the file of that address."""
        return _TableFile(location, place(location, self.properties.get(FROM, ""), self.properties[TO]))

    def new_output(self, location: str) -> NoReturn:
        """Raise PermissionError: tables are only read."""
        raise PermissionError(f"{location}: tables are only read")

    def delete(self, location: Any) -> NoReturn:
        """Raise PermissionError: tables are only read."""
        raise PermissionError(f"{location}: tables are only read")
