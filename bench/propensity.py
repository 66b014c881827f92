"""Propensity on real tables, held against a tuned gradient boosting of scikit-learn on the same split.

`python -m bench propensity` needs the raw tables beside the repository. A quarter of the labels is hidden; the job
learns from the rest and is judged on the hidden ones, as is the boosting, tuned by five folds of the rest.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.trials import prepare
from tamscore import config, job_file, pipeline
from tamscore.progress import Progress
from tamscore.sections.propensity import verdict

TRIALS = ("bank_marketing", "crunchbase_2013_exits")
HIDDEN = 0.25
GRID = {
    "learning_rate": [0.03, 0.06, 0.1],
    "max_iter": [100, 200, 400],
    "max_leaf_nodes": [8, 16, 31],
    "l2_regularization": [0.0, 1.0, 10.0],
    "min_samples_leaf": [20, 50],
}
TRIED = 16


@dataclass(frozen=True)
class Split:
    """A table with its features as scikit-learn takes them, its labels, and which of them are hidden (n,) bool."""

    table: Any
    job: config.Job
    rows: Any
    categorical: Any
    label: Any
    hidden: Any


def split_of(name: str, folder: Path) -> Split:
    """A trial with a quarter of its labels hidden."""
    tables = folder / "tables"
    prepare.prepare(prepare.RAW, tables)
    stem = "crunchbase_2013" if name.startswith("crunchbase") else name
    given = [f"input.path={tables / stem}.parquet", f"output.path={folder / name}", 'device="cpu"']
    job = job_file.load(Path(prepare.__file__).parent / f"{name}.toml", given)
    table = pq.read_table(job.input.path)
    section = job.sections["propensity"]
    numeric = [table[one].to_numpy(zero_copy_only=False).astype(np.float64) for one in section.numeric]
    coded = [table[one].combine_chunks().dictionary_encode().indices for one in section.categorical]
    codes = [one.to_numpy(zero_copy_only=False).astype(np.float64) for one in coded]
    label = table[section.label].to_numpy().astype(np.float64)
    hidden = np.random.default_rng(0).random(len(label)) < HIDDEN
    return Split(table, job, np.stack([*numeric, *codes], axis=1), np.arange(len(codes)) + len(numeric), label, hidden)


def ours(split: Split, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The probabilities (hidden,) of the job, which has not seen the labels, and what it says of itself."""
    section = split.job.sections["propensity"]
    place = split.table.column_names.index(section.label)
    shown = pa.array(np.where(split.hidden, np.nan, split.label), from_pandas=True)
    pq.write_table(split.table.set_column(place, section.label, shown), folder / "shown.parquet")
    read = split.job.input.model_copy(update={"path": str(folder / "shown.parquet")})
    job = split.job.model_copy(update={"input": read})
    done = pipeline.run(job, Progress())
    scores = pa.concat_tables([pq.read_table(str(path)) for path in done.parts()])
    probabilities = dict(zip(scores["account_id"].to_pylist(), scores["propensity"].to_pylist(), strict=True))
    ids = split.table[job.columns.account_id].to_pylist()
    manifest = done.manifest() or {}
    return np.array([probabilities[one] for one in ids])[split.hidden], manifest["extras"]["propensity"]


def tuned(split: Split) -> Any:
    """The probabilities (hidden,) of a boosting with native categories, tuned on the rows that are shown."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import RandomizedSearchCV

    boosting = HistGradientBoostingClassifier(categorical_features=split.categorical, random_state=0)
    search = RandomizedSearchCV(boosting, GRID, n_iter=TRIED, scoring="neg_log_loss", cv=5, random_state=0)
    search.fit(split.rows[~split.hidden], split.label[~split.hidden])
    return search.predict_proba(split.rows[split.hidden])[:, 1]


def case(name: str) -> dict[str, Any]:
    """One trial: how well the hidden labels are told by the job, and by the boosting."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        split = split_of(name, folder)
        probabilities, said = ours(split, folder)
        label = split.label[split.hidden]
        weight = np.ones(len(label))
        found: dict[str, Any] = {"kind": said["kind"], "calibration": said["calibration"], "left_out": said["quality"]}
        for who, probability in (("ours", probabilities), ("tuned", tuned(split))):
            quality = verdict.verdict(probability, probability, label, weight)
            best = verdict.deciles(probability, probability, label, weight)
            found[who] = {
                **{key: round(float(value), 4) for key, value in vars(quality).items()},
                "lift_of_best_tenth": round(best[0].lift, 3),
                "capture_of_best_third": round(best[2].capture, 4),
            }
        return {"case": name, "hidden": int(split.hidden.sum()), "rate": round(label.mean(), 4), **found}
