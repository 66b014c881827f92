"""Files of a version as a file system for Arrow's datasets: a file is held against its manifest when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from tamscore.store import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tamscore.store.location import Location


def dataset(files: Sequence[Location], change: Callable[[pa.Table], pa.Table] | None = None) -> ds.Dataset:
    """Parquet files of one version as one dataset; raise InputContractError if one is not what its run wrote.

    With a `change` each file is decoded when it is opened, and read as what that makes of its table.
    """
    places = {str(file): file for file in files}
    handler = _VerifiedFiles(places) if change is None else _ChangedFiles(places, change)
    form = "parquet" if change is None else "ipc"
    return ds.dataset(list(places), filesystem=fs.PyFileSystem(handler), format=form)


class _VerifiedFiles(fs.FileSystemHandler):  # type: ignore[misc]
    """Reads the files given, whole and verified; there are no others, and nothing is written."""

    def __init__(self, places: dict[str, Location]) -> None:
        self._places = places

    def get_type_name(self) -> str:
        """Return the name of this kind of file system."""
        return "tamscore"

    def normalize_path(self, path: str) -> str:
        """Return the path as it is."""
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        """Return that the files given are files, and nothing else is there."""
        kinds = {True: fs.FileType.File, False: fs.FileType.NotFound}
        return [fs.FileInfo(path, kinds[path in self._places]) for path in paths]

    def get_file_info_selector(self, selector: Any) -> list[Any]:
        """Return nothing: there are no folders to look into."""
        del selector
        return []

    def open_input_file(self, path: str) -> Any:
        """Return the bytes of a file, verified, as a file."""
        return pa.BufferReader(contents.verify_content(self._places[path]))

    def open_input_stream(self, path: str) -> Any:
        """Return the bytes of a file, verified, as a stream."""
        return self.open_input_file(path)

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Raise PermissionError: versions never change."""
        raise PermissionError("the files of a run are read only")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = refuse
    move = copy_file = open_output_stream = open_append_stream = refuse


class _ChangedFiles(_VerifiedFiles):
    """Reads what a function makes of the table in each of the files given, as Arrow's file format in memory."""

    def __init__(self, places: dict[str, Location], change: Callable[[pa.Table], pa.Table]) -> None:
        super().__init__(places)
        self._change = change

    def open_input_file(self, path: str) -> Any:
        """Return the table made of a file, verified, as a file."""
        table = self._change(contents.whole(self._places[path]))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(unify_dictionaries=True)) as writer:
            writer.write_table(table)
        return pa.BufferReader(sink.getvalue())
