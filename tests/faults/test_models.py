"""A model is read whole and as its run wrote it, or refused by name; what it says and what it holds must agree."""

from __future__ import annotations

import ast
import json
import pickle
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save
from xxhash import xxh3_128_hexdigest

import tamscore
from tamscore.errors import InputContractError
from tamscore.model import files as model
from tamscore.model.text import FORMAT
from tamscore.scoring.context import columns_of, settings_of
from tamscore.scoring.features import Encoding, read_features
from tamscore.store import partitions
from tamscore.store.commit import Placed
from tests.end_to_end import market
from tests.frozen_host import FrozenHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tamscore.model.record import ModelRecord

CHANGES: dict[str, Any] = {
    "features": {
        "numeric": {
            "employees": "quantile_normal",
            "growth": {"scaling": "standard", "missing_indicator": True},
            "revenue": {"scaling": "log_standard"},
        },
        "categorical": ["industry", "segment"],
    }
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a finished run: `market`, `scores`."""
    path = tmp_path_factory.mktemp("model")
    market.score(market.accounts(2000), path, CHANGES)
    return path


@pytest.fixture(scope="module")
def done(folder):
    return market.run(folder / "market", folder / "scores", CHANGES)


@pytest.fixture
def job(folder):
    return market.job(folder / "market", folder / "scores", CHANGES)


@pytest.fixture
def raw(done):
    """Description and arrays of the model, to be spoilt."""
    description, arrays = model.read_raw(done.model)
    return deepcopy(description), dict(arrays)


def listed(files: dict[str, bytes]) -> dict[str, Placed]:
    """What a manifest would say of files."""
    return {f"model/{name}": Placed(len(data), xxh3_128_hexdigest(data)) for name, data in files.items()}


def read(folder: Path, text: bytes, data: bytes) -> ModelRecord:
    """The model of two files whose hashes are right."""
    files = {model.DESCRIPTION: text, model.ARRAYS: data}
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return model.read_model(folder, listed(files))


def read_spoilt(folder: Path, description: dict[str, Any], arrays: dict[str, Any]) -> ModelRecord:
    return read(folder, json.dumps(description).encode(), save(arrays))


def placed(done: Any) -> dict[str, Placed]:
    return {name: Placed(**record) for name, record in done.manifest()["files"].items()}


def test_a_stored_model_gives_every_account_the_cluster_of_its_run(done, job):
    """C12: what is read back is the model: the same blocks, the same centers, the same cluster for every row."""
    stored = model.read_model(done.model, placed(done))
    columns = columns_of(job)
    model.require_fits(stored, columns, settings_of(job))
    (partition,) = partitions.plan(job.input.path, columns).partitions
    backend = FrozenHost()
    features = read_features(partition, columns, backend)
    table = market.gathered([Path(partition.path)])
    scores = {row["account_id"]: row["cluster"] for row in market.scores(done).to_pylist()}
    ids = partition_ids(partition)
    assert table.num_rows == len(ids)
    for party in stored.parties:
        encoding = Encoding(columns, 0, party.space.vocabularies, party.segments)
        raw = features.raw(np.arange(partition.rows), encoding, backend)
        label = backend.nearest(party.space.block(backend, raw), party.centers).label
        clusters = [party.clusters[i][0] for i in label]
        pairs = [(clusters[i], scores[name]) for i, name in enumerate(ids) if scores[name][0] == clusters[i][0]]
        assert len(pairs) > 100
        assert all(mine == theirs for mine, theirs in pairs)


def partition_ids(partition: Any) -> list[str]:
    from tamscore.store import tables

    return list(tables.read(partition, ["account_id"])["account_id"].to_pylist())


class Opened(Exception):  # noqa: N818 - a signal of the test
    """Somebody unpickled."""


def explode() -> None:
    raise Opened


class Bomb:
    def __reduce__(self) -> Any:
        return explode, ()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", [model.DESCRIPTION, model.ARRAYS])
def test_a_pickle_is_refused_by_its_content_and_never_opened(tmp_path, protocol, name):
    """C09: whatever it is called, even where its hash is right; the folder may be a file as well."""
    data = pickle.dumps(Bomb(), protocol)
    with pytest.raises(Opened):
        pickle.loads(data)  # noqa: S301 - it is ours, and it must be armed for the test to mean anything
    files = {model.DESCRIPTION: b"{}", model.ARRAYS: save({})} | {name: data}
    with pytest.raises(InputContractError, match=r"pickle|is no JSON|expected format"):
        read(tmp_path / "model", files[model.DESCRIPTION], files[model.ARRAYS])
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(InputContractError, match=r"model\.pkl: "):
        model.read_model(tmp_path / "model.pkl", listed(files))


FORBIDDEN = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal", "yaml", "jsonpickle"}


def test_the_package_never_unpickles_nor_evaluates():
    """C09: no module imports a format that can run code, nor calls eval, exec or a loader that allows pickles."""
    found = []
    for path in Path(tamscore.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Call):
                names += [node.func.id] if isinstance(node.func, ast.Name) else []
                names += [keyword.arg or "" for keyword in node.keywords]
            bad = {name.partition(".")[0] for name in names} & {*FORBIDDEN, "eval", "exec", "allow_pickle"}
            found += [f"{path.name}: {name}" for name in bad]
    assert found == []


@pytest.mark.parametrize("name", [model.DESCRIPTION, model.ARRAYS])
def test_any_flipped_bit_and_any_truncation_is_refused(done, tmp_path, name):
    """C10, C16: 400 flips and 40 truncations of each file, none of them read: the manifest has their hashes."""
    files = {each: (done.model / each).read_bytes() for each in (model.DESCRIPTION, model.ARRAYS)}
    good, random = files[name], np.random.default_rng(5)
    (tmp_path / "model").mkdir()
    for each, data in files.items():
        (tmp_path / "model" / each).write_bytes(data)
    assert model.read_model(tmp_path / "model", placed(done)).parties
    for case in range(440):
        data = bytearray(good)
        if case < 400:
            data[random.integers(len(data))] ^= 1 << int(random.integers(8))
        else:
            del data[int(random.integers(len(data))) :]
        (tmp_path / "model" / name).write_bytes(data)
        with pytest.raises(InputContractError, match=r"was changed after its run: .*restore it, or run its job again"):
            model.read_model(tmp_path / "model", placed(done))


def test_a_file_that_is_missing_or_not_listed_is_refused(done, tmp_path):
    """C10: a model without manifest, or with half of its files, is none."""
    with pytest.raises(InputContractError, match=r"model\.json: is not listed in the manifest"):
        model.read_model(done.model, {})
    with pytest.raises(InputContractError, match=r"nowhere/model\.json: cannot be read .*complete run"):
        model.read_model(tmp_path / "nowhere", placed(done))


def set_array(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """A spoiler of one array."""

    def spoil(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name] = np.ascontiguousarray(change(arrays[name].copy()))

    return spoil


def with_value(value: float, at: int = 0) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array.flat[at] = value
        return array

    return change


def set_party(key: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def spoil(description: dict[str, Any], _: dict[str, Any]) -> None:
        description["parties"][0][key] = value

    return spoil


def set_column(key: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def spoil(description: dict[str, Any], _: dict[str, Any]) -> None:
        description["parties"][0]["columns"][0][key] = value

    return spoil


def swap_columns(description: dict[str, Any], _: dict[str, Any]) -> None:
    description["parties"][0]["columns"].reverse()


def swap_vocabularies(description: dict[str, Any], _: dict[str, Any]) -> None:
    description["parties"][0]["vocabularies"].reverse()


SPOILT: dict[str, tuple[str, Callable[[dict[str, Any], dict[str, Any]], None], str]] = {
    "NaN center": ("C11", set_array("end_user.centers", with_value(np.nan)), "end_user.centers: expected finite"),
    "infinite center": ("C11", set_array("end_user.centers", with_value(np.inf)), "end_user.centers: expected finite"),
    "fractional center": ("C11", set_array("end_user.centers", with_value(0.5)), "expected whole numbers"),
    "center far out": ("C11", set_array("channel.centers", with_value(2.0**40)), "within the limits of the grid"),
    "center missing": ("C11", set_array("end_user.centers", lambda a: a[:-1]), r"expected float64 \(4, 1\d\), got .*3"),
    "feature missing": ("C11", set_array("end_user.centers", lambda a: a[:, 1:]), "end_user.centers: expected float64"),
    "transposed": ("C11", set_array("end_user.centers", lambda a: a.T), "end_user.centers: expected float64"),
    "float32 centers": ("C11", set_array("end_user.centers", lambda a: a.astype(np.float32)), "got float32"),
    "k mismatch": ("C11", set_party("clusters", [{"id": "E01", "name": "one"}]), r"expected float64 \(1, "),
    "no cluster": ("C11", set_party("clusters", []), "parties.0.clusters"),
    "negative count": ("C11", set_array("end_user.counts", with_value(-1)), "expected finite numbers ≥ 0"),
    "offsets fall": ("C11", set_array("end_user.offsets", with_value(10**6, 1)), "expected to rise from 0"),
    "sales unsorted": ("C11", set_array("end_user.customer_sales", lambda a: a[::-1]), "sorted within their groups"),
    "NaN sales": ("C11", set_array("end_user.customer_sales", with_value(np.nan)), "expected finite"),
    "NaN fill": ("C11", set_array("end_user.fill", with_value(np.nan)), "end_user.fill: expected finite"),
    "knots fall": ("C11", set_array("end_user.knots.employees", lambda a: a[::-1]), "increasing knots"),
    "array missing": ("C11", lambda _, a: a.pop("end_user.spread"), "end_user.spread: missing"),
    "array too many": (
        "C11",
        lambda _, a: a.update({"end_user.x": np.ones(1)}),
        "arrays of no party type: 'end_user.x'",
    ),
    "bins short": ("C11", set_array("end_user.bins.growth", lambda a: a[:-1]), "end_user.bins.growth: expected int64"),
    "negative reach": ("C11", set_array("end_user.reach", with_value(-1.0)), "end_user.reach: expected finite numbers"),
    "ladder too long": ("C11", set_array("end_user.cut_values", lambda a: a[:, 1:]), "end_user.cut_values: expected"),
    "a basis too few": (
        "C11",
        lambda d, _: d["parties"][0]["ladder"]["basis"].pop(),
        "expected a basis and a parent for each of 4 clusters",
    ),
    "id twice": ("C11", lambda d, _: d["parties"][0]["clusters"][0].update(id="E02"), "expected different ids"),
    "id never given": ("C11", set_party("named", 3), "expected different ids out of the first 3"),
    "columns swapped": ("C12", swap_columns, "do not follow from its columns"),
    "vocabularies swapped": ("C12", swap_vocabularies, "do not follow from its columns"),
    "unknown scaling": ("C11", set_column("scaling", "log"), r"parties\.0\.columns\.0\.scaling"),
    "text for a number": ("C11", set_column("center", "0"), r"columns\.0\.center: .*number, got '0'"),
    "infinite factor": ("C11", set_column("factor", float("inf")), "finite number"),
    "clipped to nothing": ("C11", lambda d, _: d["parties"][0]["columns"][0].update(low=9.0, high=1.0), "to nothing"),
    "unit 0": ("C11", set_party("unit", 0.0), "unit: .*greater than 0"),
    "unknown key": ("C11", set_party("extra", 1), "extra"),
    "party twice": ("C11", lambda d, _: d["parties"].append(d["parties"][0]), "stand twice"),
    "unknown party": ("C11", set_party("party_type", "partner"), "party_type"),
    "newer format": (
        "C14",
        lambda d, _: d.update(format=FORMAT + 1),
        f"expected format {FORMAT}, got {FORMAT + 1}; update tamscore",
    ),
    "older format": ("C14", lambda d, _: d.update(format=0), f"expected format {FORMAT}, got 0; run its job again"),
    "no format": ("C14", lambda d, _: d.pop("format"), f"expected format {FORMAT}, got None"),
    "format true": ("C14", lambda d, _: d.update(format="1"), f"expected format {FORMAT}, got '1'"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_model_that_contradicts_itself_is_refused_by_name(tmp_path, raw, kind):
    """C11, C12, C14: NaN, wrong shapes, k, order, types, versions: refused even where all hashes are right."""
    _, spoil, expected = SPOILT[kind]
    read_spoilt(tmp_path / "good", *raw)
    spoil(*raw)
    with pytest.raises(InputContractError, match=expected) as caught:
        read_spoilt(tmp_path / "bad", *raw)
    assert caught.value.exit_code == 3
    assert "bad/" in str(caught.value)


def test_a_model_of_the_format_before_is_read(tmp_path, raw):
    """It knows no level and no look-alike; all else stays."""
    description, arrays = raw
    description["format"] = 2
    for party in description["parties"]:
        del party["level"], party["look_alike"], party["ladder"]["cents"]
    for name in [name for name in arrays if ".level_" in name or ".look_alike." in name]:
        del arrays[name]
    found = read_spoilt(tmp_path / "model", description, arrays)
    assert [party.name for party in found.parties] == ["end_user", "channel"]
    assert {(party.level, party.look_alike) for party in found.parties} == {(None, None)}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"format": 2}', b'{"format": 2, "format": 2}']
)
def test_a_description_that_is_none_is_refused(tmp_path, text):
    """C10: no traceback, whatever the text."""
    with pytest.raises(InputContractError, match=r"model\.json"):
        read(tmp_path / "model", text, save({}))


@pytest.mark.parametrize("data", [b"", bytes(8), b"\xff" * 64, b"\x08" + bytes(7) + b"{}      ", save({}) + b"x"])
def test_arrays_that_are_none_are_refused(tmp_path, raw, data):
    """C10: no traceback, whatever the bytes."""
    with pytest.raises(InputContractError, match=r"arrays\.safetensors"):
        read(tmp_path / "model", json.dumps(raw[0]).encode(), data)


WRONG_JOBS: dict[str, tuple[dict[str, Any], str]] = {
    "C12 order": ({"numeric": ["growth", "employees", "revenue"]}, "stands in the order growth, employees, revenue"),
    "C12 order of categories": ({"categorical": ["segment", "industry"]}, "stands in the order segment, industry"),
    "C13 missing": ({"numeric": ["employees", "growth"]}, "features.numeric lacks 'revenue'"),
    "C13 extra": ({"categorical": ["industry", "segment", "name"]}, "features.categorical has 'name', which the model"),
    "C13 both": ({"numeric": ["employees", "growth", "size"]}, "lacks 'revenue'.*has 'size'"),
}


@pytest.mark.parametrize("kind", WRONG_JOBS)
def test_a_job_with_other_features_is_refused_by_their_names(done, folder, job, kind):
    """C12, C13: a missing, additional or moved feature is named; nothing is matched by position."""
    stored = model.read_model(done.model, placed(done))
    features, expected = WRONG_JOBS[kind]
    known = {**CHANGES["features"]["numeric"], "size": "none"}
    if "numeric" in features:
        features = {"numeric": {name: known[name] for name in features["numeric"]}}
    other = market.job(folder / "market", folder / "scores", {"features": {**CHANGES["features"], **features}})
    with pytest.raises(InputContractError, match=expected):
        model.require_fits(stored, columns_of(other), settings_of(other))


@pytest.mark.parametrize(
    ("change", "section"),
    [
        ({"features.winsorise": [0.01, 0.99]}, "features"),
        ({"features.category_weight": 2.0}, "features"),
        ({"clusters.seed": 1}, "clusters"),
        ({"potential.preset": "p80"}, "potential"),
        ({"columns.market_segment": None}, "columns"),
    ],
)
def test_a_job_with_other_settings_is_refused_by_their_section(done, folder, change, section):
    """C15: scaling, seed, ladder and roles are part of the model by their hash; engine and output are not."""
    stored = model.read_model(done.model, placed(done))
    other = market.job(folder / "market", folder / "elsewhere", CHANGES | change | {"engine": {"workers": 1}})
    with pytest.raises(InputContractError, match=rf"\[{section}\] differs from the settings"):
        model.require_fits(stored, columns_of(other), settings_of(other))
    same = market.job(folder / "market", folder / "elsewhere", CHANGES | {"engine": {"workers": 1}})
    model.require_fits(stored, columns_of(same), settings_of(same))
