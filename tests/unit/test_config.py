"""The job file: what a good one means."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tamscore import errors
from tamscore.job_file import json_schema, load, parse
from tamscore.sections.campaigns.settings import Campaign, Campaigns
from tamscore.synthetic.job_file import job_file

if TYPE_CHECKING:
    from tamscore.config import Job

SMALL: dict[str, Any] = {
    "input": {"path": "market"},
    "features": {"categorical": ["industry"]},
    "clusters": {"k": 12},
    "output": {"path": "scores"},
}


def small_job(**sections: Any) -> Job:
    """Return a small job with some sections replaced."""
    return parse({**SMALL, **sections}, folder=Path("/jobs"))


def test_the_smallest_job_file_has_the_documented_defaults() -> None:
    assert small_job().model_dump() == {
        "device": "auto",
        "input": {
            "path": "/jobs/market",
            "sql": None,
            "connection": None,
            "version": None,
            "max_row_group_bytes": 2**32,
            "max_gone_share": None,
            "max_customer_change": 0.15,
            "max_sales_change": None,
        },
        "columns": {
            "account_id": "account_id",
            "id_form": "text",
            "sales": "sales",
            "party_type": None,
            "market_segment": None,
            "revenue": None,
            "name": None,
            "renewal_date": None,
            "parent_id": None,
            "ultimate_parent_id": None,
            "currency": None,
            "keep": (),
        },
        "rows": {
            "sales_missing": "prospect",
            "max_sales_missing_share": 0.01,
            "duplicates": "identical",
            "max_rejected_share": 0.01,
            "non_negative": (),
            "max_market_segments": 10_000,
        },
        "values": {},
        "names": {},
        "titles": {},
        "currency": None,
        "features": {
            "numeric": {},
            "categorical": ("industry",),
            "winsorise": (0.001, 0.999),
            "category_weight": 1.0,
            "category_floor": 0.01,
            "missing_indicator": False,
            "max_levels": 1_000,
            "allow": (),
        },
        "leakage": {"action": "block", "separability": 0.75, "told_apart": 0.12, "correlation": 0.2},
        "clusters": {
            "k": 12,
            "k_range": (2, 30),
            "stability": True,
            "seed": 0,
            "fit_rows": 262_144,
            "seed_rows": 20_000,
            "restarts": 20,
            "batch_rows": 4096,
            "max_passes": 300,
            "polish_passes": 0,
            "hysteresis": 0.02,
            "max_relabelled_share": 0.05,
        },
        "potential": {
            "level": "cluster",
            "preset": "p85",
            "cut_lines": None,
            "boundary": "at_or_below",
            "top_step": "max",
            "min_customers": 25,
            "stability": None,
            "interval_level": 0.95,
        },
        "quadrant": {"threshold": "percentile", "level": "account", "potential": 0.8, "sales": 0.8, "capacity": None},
        "priority": {
            "win_rate": {"acquisition": 0.05, "expansion": 1.0},
            "growth_label": False,
            "tiers": {"value": (0.5, 0.8, 0.95), "least": (0.01, 0.05, 0.2), "most": (0.1, 0.3, 0.6), "accounts": None},
        },
        "portfolio": {"hours": {}, "cost_per_hour": {}, "cost_per_account": {}},
        "campaigns": {
            "by": "band",
            "size": None,
            "bands": {"small": 0.0, "large": 250.0, "enterprise": 5000.0},
            "map": {
                "small": {
                    "channel": "email",
                    "theme": "ease of use, price",
                    "message": None,
                    "id": None,
                    "contacts": None,
                    "budget": None,
                    "cost_per_contact": 1.0,
                    "least_probability": 0.0,
                    "likely_channel": None,
                },
                "large": {
                    "channel": "professional-network ads",
                    "theme": "scale, integration, return",
                    "message": None,
                    "id": None,
                    "contacts": None,
                    "budget": None,
                    "cost_per_contact": 1.0,
                    "least_probability": 0.0,
                    "likely_channel": None,
                },
                "enterprise": {
                    "channel": "account-based marketing",
                    "theme": "scale, integration, return",
                    "message": None,
                    "id": None,
                    "contacts": None,
                    "budget": None,
                    "cost_per_contact": 1.0,
                    "least_probability": 0.0,
                    "likely_channel": None,
                },
            },
            "likely_from": 0.3,
            "default": None,
            "covered_accounts": False,
        },
        "engine": {
            "kind": "local",
            "workers": None,
            "scheduler": None,
            "allow_insecure_scheduler": False,
            "connect_timeout": 15.0,
            "stall_timeout": 300.0,
            "resident_share": 0.5,
            "worker_memory_gib": None,
            "scratch": None,
        },
        "backtest": {
            "realised": None,
            "table": None,
            "account_id": None,
            "min_match_share": 0.5,
            "missing": "leave_out",
            "challenger_rows": 10_000,
            "neighbours": 50,
        },
        "coverage": {
            "people": None,
            "team": {"account_manager": 16, "hunter": 10, "inside_sales": 8, "sdr": 5, "channel_partner": 3},
            "hours_per_person": 1200.0,
            "hours_per": "year",
            "weeks_per_year": 46.0,
            "ramp": (),
            "plans": None,
            "account_plans": None,
            "minimum_treatment": {"blue": "pooled", "A": "pooled", "orange": "pooled"},
            "measured": None,
            "owners": "last",
            "min_match_share": 0.5,
            "max_moves": None,
            "families": "one_owner",
            "balance": None,
            "region": None,
            "skill": None,
        },
        "look_alike": {"enabled": True},
        "propensity": None,
        "lifetime_value": None,
        "alerts": None,
        "buying_roles": None,
        "jobs": None,
        "families": None,
        "segments": None,
        "products": None,
        "next_offer": None,
        "metrics": {"textfile": None, "folder": None},
        "report": dict.fromkeys(("title", "company", "currency", "period", "owner")),
        "output": {"path": "/jobs/scores", "columns": "all"},
    }


def test_the_job_file_of_a_synthetic_market_is_good() -> None:
    job = parse(job_file(rows=1000, seed=1))
    assert job.columns.party_type is not None
    assert job.features.numeric
    assert job.features.categorical


@pytest.mark.parametrize(
    ("path", "means"),
    [
        ("market", "/jobs/market"),
        ("./a/*.parquet", "/jobs/a/*.parquet"),
        ("../data/x.parquet", "/jobs/../data/x.parquet"),
        ("/data/market", "/data/market"),
        ("file:///data/my%20market", "/data/my market"),
        ("FILE://localhost/data", "/data"),
        ("~/market", f"{Path.home()}/market"),
        ("~other", "/jobs/~other"),
        ("a:b", "/jobs/a:b"),
    ],
)
def test_a_path_is_relative_to_the_folder_of_the_job_file(path: str, means: str) -> None:
    assert small_job(input={"path": path}).input.path == means


def test_a_path_stays_the_same_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job.toml").write_text(
        '[input]\npath = "a"\n[output]\npath = "b"\n[features]\ncategorical = ["x"]\n[clusters]\nk = 2\n'
    )
    monkeypatch.chdir(tmp_path)
    assert load(Path("job.toml")) == load(tmp_path / "job.toml")


def test_without_a_home_directory_only_the_tilde_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nowhere)
    assert small_job().input.path == "/jobs/market"
    with pytest.raises(errors.JobFileError, match="there is no home directory here for ~ to stand for"):
        small_job(input={"path": "~/market"})


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_an_editor_may_leave_its_line_ends_and_byte_order_mark(mark: str, end: str, tmp_path: Path) -> None:
    lines = ["[input]", "path = 'a'", "[output]", "path = 'b'", "[features]", "categorical = ['Größe']", "[clusters]"]
    (tmp_path / "job.toml").write_bytes((mark + end.join([*lines, "k = 2", ""])).encode())
    assert load(tmp_path / "job.toml").features.categorical == ("Größe",)


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("clusters.k=3", "clusters", "k", 3),
        (" clusters . k = 3 ", "clusters", "k", 3),
        ("clusters.fit_rows=all", "clusters", "fit_rows", "all"),
        ('clusters.fit_rows="all"', "clusters", "fit_rows", "all"),
        ("output.path=runs/a=b", "output", "path", "/jobs/runs/a=b"),
        ("output.path=runs#1", "output", "path", "/jobs/runs#1"),
        ("output.path=2024-05-01", "output", "path", "/jobs/2024-05-01"),
        ("output.path=1\nk=2", "output", "path", "/jobs/1\nk=2"),
        ("potential.cut_lines=[0.5, 0.75]", "potential", "cut_lines", (0.5, 0.75)),
        ("features.winsorise=false", "features", "winsorise", False),
        ("columns.keep=['city']", "columns", "keep", ("city",)),
        ("rows.max_rejected_share=0", "rows", "max_rejected_share", 0.0),
    ],
)
def test_an_override_is_toml_or_else_bare_text(override: str, section: str, key: str, value: object) -> None:
    job = parse(SMALL, overrides=[override], folder=Path("/jobs"))
    assert getattr(getattr(job, section), key) == value


def test_an_override_reaches_a_quoted_key_and_keeps_its_neighbours() -> None:
    tables = {**SMALL, "features": {"numeric": {"staff": "none"}}}
    job = parse(tables, overrides=['features.numeric."sales = net".scaling=robust'])
    assert {name: feature.scaling for name, feature in job.features.numeric.items()} == {
        "staff": "none",
        "sales = net": "robust",
    }


def test_the_last_override_of_a_key_counts_and_the_given_tables_stay_as_they_are() -> None:
    before = pickle.dumps(SMALL)
    assert parse(SMALL, overrides=["clusters.k=3", "clusters.k=4"]).clusters.k == 4
    assert pickle.dumps(SMALL) == before


def test_an_integer_is_taken_as_a_float_and_an_array_as_a_tuple() -> None:
    job = small_job(features={"categorical": ["a"], "category_weight": 2, "winsorise": [0, 1]})
    assert isinstance(job.features.category_weight, float)
    assert job.features.winsorise == (0.0, 1.0)


def test_k_may_differ_by_party_type() -> None:
    job = small_job(columns={"party_type": "party"}, clusters={"k": {"end_user": 11, "channel": 1}})
    assert job.clusters.k == {"end_user": 11, "channel": 1}


@pytest.mark.parametrize(
    ("potential", "lines"),
    [
        ({}, (0.85, 0.90, 0.95)),
        ({"preset": "p80"}, (0.80, 0.85, 0.90, 0.95)),
        ({"preset": "p80", "cut_lines": [0.5]}, (0.5,)),
    ],
)
def test_cut_lines_replace_the_preset(potential: dict[str, Any], lines: tuple[float, ...]) -> None:
    assert small_job(potential=potential).potential.lines == lines


@pytest.mark.parametrize(
    ("scaling", "own", "limits"),
    [
        ("standard", None, (0.01, 0.99)),
        ("robust", None, (0.01, 0.99)),
        ("minmax", None, (0.01, 0.99)),
        ("log_standard", None, None),
        ("quantile_normal", None, None),
        ("none", None, None),
        ("standard", False, None),
        ("log_standard", [0.1, 0.9], (0.1, 0.9)),
    ],
)
def test_affine_scalings_are_winsorised_unless_the_feature_says_otherwise(
    scaling: str, own: list[float] | bool | None, limits: tuple[float, float] | None
) -> None:
    feature = {"scaling": scaling} if own is None else {"scaling": scaling, "winsorise": own}
    job = small_job(features={"numeric": {"x": feature}, "winsorise": [0.01, 0.99]})
    assert job.features.winsor_limits("x") == limits


def test_winsorise_false_holds_for_every_feature_without_limits_of_its_own() -> None:
    job = small_job(
        features={"numeric": {"x": "standard", "y": {"scaling": "none", "winsorise": [0, 0.5]}}, "winsorise": False}
    )
    assert [job.features.winsor_limits(name) for name in "xy"] == [None, (0.0, 0.5)]


def test_a_feature_may_overrule_the_missing_indicator_of_all() -> None:
    numeric = {"x": "none", "y": {"missing_indicator": False}, "z": {"missing_indicator": True}}
    on = small_job(features={"numeric": numeric, "missing_indicator": True}).features
    off = small_job(features={"numeric": numeric}).features
    assert [on.has_missing_indicator(name) for name in "xyz"] == [True, False, True]
    assert [off.has_missing_indicator(name) for name in "xyz"] == [False, False, True]


def test_a_bare_scaling_is_short_for_a_table() -> None:
    short = small_job(features={"numeric": {"x": "robust"}})
    assert short == small_job(features={"numeric": {"x": {"scaling": "robust"}}})
    assert short.features.numeric["x"].weight == 1.0


@pytest.mark.parametrize(
    ("quadrant", "potential", "sales"),
    [
        ({}, 0.8, 0.8),
        ({"sales": 0.5}, 0.8, 0.5),
        ({"threshold": "median"}, None, None),
        ({"threshold": "capacity", "capacity": 9}, None, 0.8),
        ({"threshold": "absolute", "potential": 5000, "sales": 0}, 5000.0, 0.0),
    ],
)
def test_thresholds_that_are_not_given_follow_from_their_kind(
    quadrant: dict[str, Any], potential: float | None, sales: float | None
) -> None:
    job = small_job(quadrant=quadrant)
    assert (job.quadrant.potential, job.quadrant.sales) == (potential, sales)


def test_a_default_campaign_completes_any_map() -> None:
    campaign = {"channel": "mail", "theme": "all"}
    job = small_job(campaigns={"bands": {"some": 10}, "default": campaign})
    assert job.section(Campaigns).default == Campaign(channel="mail", theme="all")


def test_fewer_of_the_default_bands_need_no_map() -> None:
    assert small_job(campaigns={"bands": {"small": 0, "large": 50}}).section(Campaigns).bands == {
        "small": 0.0,
        "large": 50.0,
    }


def test_a_job_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        small_job().clusters.k = 3  # type: ignore[misc]


def test_a_job_survives_json_and_pickle() -> None:
    job = parse(job_file(rows=1000, seed=1))
    assert type(job).model_validate_json(job.model_dump_json()) == job
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - our own bytes


def objects_in(node: Any) -> list[dict[str, Any]]:
    """Return every JSON object inside a part of the schema, itself included."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return ([node] if isinstance(node, dict) else []) + [found for part in inner for found in objects_in(part)]


def test_every_key_in_the_schema_is_described_and_none_may_be_null() -> None:
    schema = json_schema()
    tables = [schema, *schema["$defs"].values()]
    keys = [(table["title"], key, node) for table in tables for key, node in table["properties"].items()]
    known = {name: table["description"] for name, table in schema["$defs"].items()}
    bare = [
        (title, key)
        for title, key, node in keys
        if not node.get("description") and not known.get(node.get("$ref", "").rpartition("/")[2])
    ]
    assert len(keys) > 50
    assert bare == []
    assert all(table["additionalProperties"] is False for table in tables)
    assert not [node for node in objects_in(schema) if node.get("type") == "null" or node.get("default", 0) is None]


def test_a_caller_cannot_spoil_the_schema() -> None:
    json_schema()["properties"].clear()
    assert json_schema()["properties"]


def test_the_schema_takes_good_job_files_and_refuses_bad_ones() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="checks the JSON schema against its own standard")
    validator_class = jsonschema.validators.validator_for(json_schema())
    validator_class.check_schema(json_schema())
    validator = validator_class(json_schema())
    assert validator.is_valid(SMALL)
    assert validator.is_valid(
        {**SMALL, "features": {"numeric": {"x": "robust", "y": {"weight": 2}}, "winsorise": False}}
    )
    assert validator.is_valid({**SMALL, "clusters": {"k": {"end_user": 1}, "fit_rows": "all"}})
    assert not validator.is_valid({**SMALL, "clusters": {"k": 1}})
    assert not validator.is_valid({**SMALL, "clusters": {"k": 3, "sede": 1}})
    assert not validator.is_valid({**SMALL, "features": {"numeric": {"x": "robsut"}}})


def test_every_error_has_the_exit_code_of_its_kind() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.TamscoreError)
    }
    assert codes == {
        "TamscoreError": 1,
        "UsageError": 2,
        "JobFileError": 2,
        "InputContractError": 3,
        "GateError": 4,
        "RetryableError": 5,
        "MemoryLimitError": 6,
        "DeviceError": 7,
        "NothingToDo": 10,
    }


def test_the_tree_in_the_docstring_names_every_error_with_its_exit_code() -> None:
    rows = (line.replace("│", " ").strip("├└─ ").split() for line in (errors.__doc__ or "").splitlines())
    drawn = {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
    assert drawn == {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.TamscoreError)
    }


@pytest.mark.parametrize(("key", "value"), [("worker_memory_gib", 2), ("scratch", "/scratch")])
@pytest.mark.parametrize("engine", [{"kind": "local"}, {"kind": "remote", "scheduler": "tls://host:8786"}])
def test_settings_of_worker_processes_are_refused_where_the_run_starts_none(key, value, engine) -> None:
    assert getattr(small_job(engine={"kind": "processes", key: value}).engine, key) == value
    with pytest.raises(errors.JobFileError, match=f'engine.{key}: expected no value for kind = "{engine["kind"]}"'):
        small_job(engine=engine | {key: value})


@pytest.mark.parametrize("key", ["stall_timeout", "connect_timeout", "worker_memory_gib"])
@pytest.mark.parametrize("value", [0, -1, "1", True, float("inf"), float("nan")])
def test_times_and_memory_are_positive_finite_numbers(key, value) -> None:
    with pytest.raises(errors.JobFileError, match=f"engine.{key}: expected "):
        small_job(engine={"kind": "processes", key: value})
