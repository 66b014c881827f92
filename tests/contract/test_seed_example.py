"""Two features, three clusters, standard scaling: scikit-learn's own recipe, reproduced by a whole run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from tamscore import job_file, pipeline
from tamscore.progress import Progress
from tests.fake_gpu import FakeGpu
from tests.frozen_host import FrozenHost

COMPANIES = pa.table(
    {
        "account_id": ["bakery", "florist", "foundry", "shipyard", "airline"],
        "employees": [12, 9, 480, 530, 21_000],
        "revenue": [1.1e6, 0.7e6, 9.0e7, 1.2e8, 6.5e9],
        "sales": [300.0, 0.0, 12_000.0, 0.0, 90_000.0],
    }
)


@pytest.mark.parametrize("backend", [FrozenHost(), FakeGpu(2)], ids=["host", "fake_gpu"])
@pytest.mark.parametrize("fit_rows", [1000, "all"])
def test_labels_are_those_of_sklearns_standard_scaler_and_kmeans(tmp_path, backend, fit_rows):
    pq.write_table(COMPANIES, tmp_path / "companies.parquet")
    job = job_file.parse(
        {
            "device": "cpu",
            "input": {"path": str(tmp_path / "companies.parquet")},
            "output": {"path": str(tmp_path / "scores")},
            "columns": {},
            "features": {"numeric": {"employees": "standard", "revenue": "standard"}},
            "clusters": {"k": 3, "fit_rows": fit_rows},
        }
    )
    directory = pipeline.run(job, Progress(), backend)
    (part,) = directory.path.rglob("part-*.parquet")
    scores = pq.read_table(part)
    assert scores["account_id"].to_pylist() == COMPANIES["account_id"].to_pylist()
    x = np.column_stack([COMPANIES["employees"].to_numpy(), COMPANIES["revenue"].to_numpy()])
    scaled = StandardScaler().fit_transform(x)
    theirs = KMeans(n_clusters=3, random_state=0).fit(scaled)
    pairs = set(zip(scores["cluster"].to_pylist(), theirs.labels_.tolist(), strict=True))
    assert len(pairs) == 3, "one of our clusters for each of theirs"
    np.testing.assert_allclose(
        scores["distance"].to_numpy(), theirs.transform(scaled).min(axis=1), rtol=1e-4, atol=1e-5
    )
