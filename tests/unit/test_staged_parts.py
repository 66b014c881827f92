"""A part that is written anew lies as an Arrow file in between: read as it was written, or not at all."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tamscore.errors import InputContractError
from tamscore.store import commit, contents

TABLE = pa.table({"id": ["a", "b", "c"], "play": pa.array(["grow", "keep", "grow"]).dictionary_encode()})


def test_columns_come_back_as_they_were(tmp_path):
    chunks = pa.concat_tables([TABLE, pa.table({"id": ["d"], "play": pa.array(["win"]).dictionary_encode()})])
    path = tmp_path / "_staged-00000.arrow"
    placed = commit.place_arrow(chunks, path)
    assert contents.staged_table(path, placed).to_pylist() == chunks.to_pylist()
    assert contents.staged_table(path, placed, ["play"]).column_names == ["play"]


def test_a_file_that_was_changed_or_is_gone_is_refused(tmp_path):
    path = tmp_path / "_staged-00000.arrow"
    placed = commit.place_arrow(TABLE, path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputContractError, match="was changed after its run"):
        contents.staged_table(path, placed)
    path.unlink()
    with pytest.raises(InputContractError, match="missing; run its job again"):
        contents.staged_table(path, placed)
