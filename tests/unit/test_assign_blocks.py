"""What is computed of rows keeps its columns together, piece by piece."""

import numpy as np

from tamscore.scoring.assign_blocks import NO_CLUSTER, Hold, RowAssignment, RowRequest


def assignment(label):
    return RowAssignment(np.array(label, np.uint16), np.arange(len(label), dtype=np.float32), np.ones(len(label), "f4"))


def test_rows_that_no_model_knows_have_no_cluster_and_no_distance():
    rows = RowAssignment.unknown(3)
    assert rows.label.tolist() == [NO_CLUSTER] * 3
    assert np.isnan(rows.distance).all()
    assert np.isnan(rows.margin).all()
    assert [column.dtype for column in rows.columns().values()] == [np.uint16, np.float32, np.float32]


def test_columns_are_put_where_their_rows_are():
    rows = RowAssignment.unknown(4)
    rows.put(np.array([3, 1]), assignment([7, 8]))
    assert rows.label.tolist() == [NO_CLUSTER, 8, NO_CLUSTER, 7]
    assert rows.distance[[3, 1]].tolist() == [0, 1]


def test_pieces_become_the_rows_in_their_order():
    rows = RowAssignment.concatenate([assignment([1]), assignment([]), assignment([2, 3])])
    assert rows.label.tolist() == [1, 2, 3]
    assert rows.distance.tolist() == [0, 0, 1]


def test_a_part_of_a_request_has_the_values_of_its_rows():
    part = RowRequest(Hold(np.arange(5), 0.2)).part(slice(1, 3))
    assert part.hold.previous.tolist() == [1, 2]
    assert part.hold.share == 0.2
    assert RowRequest().part(slice(1, 3)) == RowRequest()
