"""A bad job file is refused with exit code 2 and one line for every problem: where, expected, got, what to do."""

from __future__ import annotations

import os
import pickle
import re
import string
from copy import deepcopy
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamscore.errors import JobFileError
from tamscore.job_file import load, outline, parse
from tamscore.job_file.outline import keys_at

GOOD = {
    "input": 'path = "market"',
    "features": 'numeric = {employees = "log_standard"}\ncategorical = ["industry"]',
    "clusters": "k = 12",
    "output": 'path = "scores"',
}
SCALINGS = "one of 'standard', 'robust', 'minmax', 'log_standard', 'quantile_normal', 'none'"
K = "an integer ≥ 2, or 'auto', or a table that is not empty, each an integer ≥ 1, or 'auto'"
LIMITS = "an array of 2, each a number ≥ 0 and ≤ 1, or false"
CLUSTER_KEYS = (
    "k, k_range, stability, seed, fit_rows, seed_rows, restarts, batch_rows, max_passes, polish_passes, hysteresis, "
    "max_relabelled_share"
)
TOP_KEYS = (
    "device, input, columns, rows, values, names, titles, currency, features, leakage, clusters, potential, quadrant, "
    "priority, portfolio, engine, metrics, report, output, look_alike, campaigns, coverage, propensity, "
    "lifetime_value, alerts, jobs, buying_roles, segments, products, next_offer, families, backtest"
)


def job_text(top: str = "", **sections: str | None) -> str:
    """Return the text of a good job file with some sections replaced, added, or (None) left out."""
    record = {name: body for name, body in {**GOOD, **sections}.items() if body is not None}
    return "\n".join([top, *(f"[{name}]\n{body}\n" for name, body in record.items())])


# Each case: its name, the job file, and the lines after the file name, in order.
WRONG: list[tuple[str, str, list[str]]] = [
    (
        "counts are absurd",
        job_text(
            potential=f"min_customers = {10**12}",
            lifetime_value="months = 1201",
            alerts="renewal_days = 9999999",
            campaigns=f'map.small = {{channel = "post", theme = "price", contacts = {10**12}}}',
        ),
        [
            f"potential.min_customers: expected an integer ≥ 1 and ≤ 1000000000, got {10**12}",
            f"campaigns.map.small.contacts: expected an integer ≥ 1 and ≤ 1000000000, got {10**12}",
            "lifetime_value.months: expected an integer ≥ 1 and ≤ 1200, got 1201",
            "alerts.renewal_days: expected an integer ≥ 1 and ≤ 36500, got 9999999",
        ],
    ),
    (
        "the market has no place",
        job_text(input=""),
        ["input.path: expected text, got nothing; the Parquet file, folder or table of the market; or set input.sql"],
    ),
    (
        "a query without a database, and beside a path",
        job_text(input='path = "market"\nsql = "select 1"'),
        [
            "input.sql: expected no query beside input.path, got 'select 1'; keep one of the two",
            ("input.connection: expected the database of input.sql, got nothing; such as postgresql://USER@HOST/NAME"),
        ],
    ),
    (
        "a database without a query, a version of a query",
        job_text(input='path = "market"\nconnection = "env:MARKET"'),
        ["input.sql: expected a query for input.connection, got nothing"],
    ),
    (
        "a version of a query",
        job_text(input='sql = "select 1"\nconnection = "postgresql://"\nversion = 3'),
        ["input.version: expected no version beside input.sql, got 3; remove it"],
    ),
    (
        "a variable without a name",
        job_text(input='sql = "select 1"\nconnection = "env:MY MARKET"'),
        ["input.connection: expected env:NAME with the name of an environment variable, got '***'"],
    ),
    (
        "a database that is not read",
        job_text(input='sql = "select 1"\nconnection = "mysql://host/market"'),
        [
            (
                "input.connection: expected postgresql://USER@HOST/DATABASE, env:NAME, or the path of a SQLite or "
                "DuckDB file, got '***'"
            )
        ],
    ),
    ("k is text", job_text(clusters='k = "3"'), [f"clusters.k: expected {K}, got '3'"]),
    ("k is a boolean", job_text(clusters="k = true"), [f"clusters.k: expected {K}, got true"]),
    ("k is not whole", job_text(clusters="k = 3.0"), [f"clusters.k: expected {K}, got 3.0"]),
    ("k is one", job_text(clusters="k = 1"), [f"clusters.k: expected {K}, got 1"]),
    ("k is an empty table", job_text(clusters="k = {}"), [f"clusters.k: expected {K}, got {{}}"]),
    (
        "k is automatic",
        job_text(clusters='k = "automatic"'),
        [f"clusters.k: expected {K}, got 'automatic'; did you mean 'auto'?"],
    ),
    (
        "the range of k runs backwards",
        job_text(clusters='k = "auto"\nk_range = [9, 4]'),
        ["clusters.k_range: expected two increasing integers, got [9, 4]"],
    ),
    (
        "the range of k goes beyond the seed rows",
        job_text(clusters='k = "auto"\nk_range = [2, 30000]'),
        [
            (
                "clusters.k_range[1]: expected at most 20000 clusters, got 30000; "
                "raise clusters.seed_rows and clusters.fit_rows"
            )
        ],
    ),
    (
        "a label of growth that nothing holds",
        job_text(priority="growth_label = true"),
        [
            (
                "priority.growth_label: expected false without [propensity], got true; add its label of whose sales "
                "grew, or remove the key"
            )
        ],
    ),
    (
        "tiers by shares and by numbers",
        job_text(priority="tiers = {accounts = [10, 20, 30], most = [0.2, 0.4, 0.6]}"),
        ["priority.tiers.most: expected no shares beside priority.tiers.accounts, got [0.2, 0.4, 0.6]; remove one"],
    ),
    (
        "hours cost something and none are taken",
        job_text(portfolio="hours = {land = 30}\ncost_per_hour = {account_manager = 90}"),
        [
            (
                "portfolio.hours: expected hours of global or enterprise or account_management, on which "
                "account_manager works, got nothing; or remove portfolio.cost_per_hour.account_manager"
            )
        ],
    ),
    (
        "a segment of the portfolio that there is not",
        job_text(portfolio="hours = {landing = 30}"),
        [
            (
                "portfolio.hours.landing: expected one of global, enterprise, account_management, land, digital, "
                "got 'landing'; did you mean 'land'?"
            )
        ],
    ),
    (
        "what is allowed is no feature",
        job_text(features='categorical = ["industry"]\nallow = ["industri"]'),
        ["features.allow[0]: expected a feature of this job, got 'industri'; did you mean 'industry'?"],
    ),
    (
        "k is zero for a party type",
        job_text(columns='party_type = "party"', clusters="k = {end_user = 5, channel = 0}"),
        ["clusters.k.channel: expected an integer ≥ 1, or 'auto', got 0"],
    ),
    (
        "k by party type without the column",
        job_text(clusters="k = {end_user = 5}"),
        ["clusters.k: expected an integer, got {'end_user': 5}; a table needs columns.party_type"],
    ),
    (
        "more clusters than rows to seed them",
        job_text(clusters="k = 2000\nseed_rows = 1999"),
        ["clusters.k: expected at most 1999 clusters, got 2000; raise clusters.seed_rows and clusters.fit_rows"],
    ),
    (
        "k is missing",
        job_text(clusters=""),
        [
            (
                f'clusters.k: expected {K}, got nothing; Number of clusters, "auto" to choose it in k_range by '
                "held-out sales, or a table with either by party type"
            )
        ],
    ),
    (
        "seed is negative",
        job_text(clusters="k = 3\nseed = -1"),
        ["clusters.seed: expected an integer ≥ 0 and ≤ 4294967295, got -1"],
    ),
    (
        "fit_rows is a word",
        job_text(clusters='k = 3\nfit_rows = "al"'),
        ["clusters.fit_rows: expected an integer ≥ 1000, or 'all', got 'al'; did you mean 'all'?"],
    ),
    (
        "fit_rows is small",
        job_text(clusters="k = 3\nfit_rows = 999"),
        ["clusters.fit_rows: expected an integer ≥ 1000, or 'all', got 999"],
    ),
    (
        "unknown key",
        job_text(clusters="k = 3\nsede = 1"),
        [f"clusters.sede: expected one of the keys {CLUSTER_KEYS}, got 'sede'; did you mean 'seed'?"],
    ),
    (
        "key of another section",
        job_text(clusters="k = 3\nmin_customers = 1"),
        [
            (
                f"clusters.min_customers: expected one of the keys {CLUSTER_KEYS}, got 'min_customers'; "
                "did you mean 'potential.min_customers'?"
            )
        ],
    ),
    (
        "required key misspelt: one line, not two",
        job_text(input='paht = "market"'),
        [
            (
                "input.paht: expected one of the keys path, sql, connection, version, max_row_group_bytes, "
                "max_gone_share, max_customer_change, max_sales_change, got 'paht'; did you mean 'path'?"
            )
        ],
    ),
    (
        "a label without its window",
        job_text(propensity='label = "bought"'),
        [
            f"propensity.{key}: expected a date such as 2026-01-31, got nothing; a label needs its window and the last "
            "day that features know of"
            for key in ("feature_cutoff", "label_start", "label_end")
        ],
    ),
    (
        "a window that begins before the features end",
        job_text(
            propensity='label = "bought"\nfeature_cutoff = 2026-01-01\nlabel_start = 2026-01-01\n'
            "label_end = 2025-12-31\nfeature_dates = {employees = 2026-01-02}"
        ),
        [
            (
                "propensity.label_start: expected a day after feature_cutoff, 2026-01-01, got 2026-01-01; what is "
                "known by the cut-off must not look into the window"
            ),
            "propensity.label_end: expected a day not before label_start, 2026-01-01, got 2025-12-31",
            (
                "propensity.feature_dates.employees: expected a day not after feature_cutoff, 2026-01-01, got "
                "2026-01-02; leave the feature out, or take an earlier state of it"
            ),
        ],
    ),
    (
        "a label that is a feature, features twice, dates of no feature",
        job_text(
            propensity='label = "employees"\nfeature_cutoff = 2025-12-31\nlabel_start = 2026-01-01\n'
            'label_end = 2026-03-31\nnumeric = ["size", "account_id", "size"]\ncategorical = ["size"]\n'
            "feature_dates = {sise = 2025-12-30}"
        ),
        [
            "propensity.label: expected a column that is no feature, got 'employees'; nobody knows it by the cut-off",
            (
                "propensity.numeric[1]: expected a column other than columns.account_id, got 'account_id'; an id says "
                "nothing"
            ),
            "propensity.numeric[2]: expected every column once, got 'size'; remove the second",
            "propensity.categorical[0]: expected every column once, got 'size'; remove the second",
            "propensity.feature_dates.sise: expected a feature that is learned from, got 'sise'; did you mean 'size'?",
        ],
    ),
    (
        "words about a label that is not there",
        job_text(propensity='label_table = "l.parquet"\nclass_prior = 0.1'),
        [
            (
                "propensity.label_table: expected no value without propensity.label, got '{folder}/l.parquet'; remove "
                "label_table"
            ),
            "propensity.class_prior: expected no value without propensity.label, got 0.1; remove class_prior",
        ],
    ),
    (
        "a day that there is not, bands upside down",
        job_text(propensity='feature_cutoff = "2026-02-30"\nbands = [0.3, 0.04]'),
        [
            "propensity.feature_cutoff: expected a date such as 2026-01-31, got '2026-02-30'",
            "propensity.bands: expected strictly increasing numbers, got [0.3, 0.04]",
        ],
    ),
    (
        "a kept column that propensity adds",
        job_text(columns='keep = ["propensity"]', propensity=""),
        [
            (
                "columns.keep[0]: expected a name of its own, got 'propensity'; [propensity] adds a column of that "
                "name; rename it in the input"
            )
        ],
    ),
    (
        "section missing",
        job_text(output=None),
        ["output: expected a table, got nothing; The place and the columns of the scores"],
    ),
    (
        "section is a value",
        job_text("rows = 3"),
        ["rows: expected a table, got 3"],
    ),
    (
        "device unknown",
        job_text('device = "gpu"'),
        ["device: expected one of 'auto', 'cpu', 'cuda', got 'gpu'; did you mean 'cpu'?"],
    ),
    (
        "path is empty",
        job_text(input='path = ""'),
        ["input.path: expected text that is not empty, got ''"],
    ),
    (
        "path is a number",
        job_text(output="path = 2024"),
        ["output.path: expected text that is not empty, got 2024; write it in double quotes"],
    ),
    (
        "path of another scheme",
        job_text(input='path = "https://host/market"'),
        [
            (
                "input.path: expected a local path, or an address that begins with s3://, gs://, abfs://, abfss://, "
                "got 'https://host/market'"
            )
        ],
    ),
    (
        "credentials in an address",
        job_text(output='path = "s3://key@bucket/scores"'),
        [
            (
                "output.path: expected an address without a user, got 's3://***@bucket/scores'; "
                "credentials come from the environment"
            )
        ],
    ),
    (
        "file address without a root",
        job_text(output='path = "file://scores"'),
        [
            (
                "output.path: expected file:// followed by an absolute path, got 'file://scores'; "
                "write file:///data/market, or just the path"
            )
        ],
    ),
    (
        "path with NUL",
        job_text(input='path = "a\\u0000b"'),
        ["input.path: expected a path without NUL characters, got 'a\\x00b'"],
    ),
    (
        "output over the input",
        job_text(output='path = "./market"'),
        ["output.path: expected another path than input.path, got '{folder}/market'"],
    ),
    (
        "columns share a column",
        job_text(columns='sales = "account_id"'),
        ["columns.sales: expected a column of its own, got 'account_id'; columns.account_id names it too"],
    ),
    (
        "column name is empty",
        job_text(columns='revenue = ""'),
        ["columns.revenue: expected text that is not empty, got ''"],
    ),
    (
        "list of columns is text",
        job_text(columns='keep = "city"'),
        ["columns.keep: expected an array, each text that is not empty, got 'city'"],
    ),
    (
        "list holds a number",
        job_text(rows='non_negative = ["employees", 3]'),
        ["rows.non_negative[1]: expected text that is not empty, got 3; write it in double quotes"],
    ),
    (
        "column listed twice",
        job_text(columns='keep = ["city", "city"]'),
        ["columns.keep[1]: expected every column once, got 'city'; remove the second"],
    ),
    (
        "share above one",
        job_text(rows="max_rejected_share = 1.5"),
        ["rows.max_rejected_share: expected a number ≥ 0 and ≤ 1, got 1.5"],
    ),
    (
        "share is not a number",
        job_text(rows="max_sales_missing_share = nan"),
        ["rows.max_sales_missing_share: expected a finite number, got nan"],
    ),
    (
        "no feature",
        job_text(features=""),
        [
            (
                "features: expected at least one feature, got nothing; "
                "list columns under features.numeric or features.categorical"
            )
        ],
    ),
    (
        "sales as a feature",
        job_text(columns='sales = "net sales"', features='numeric = {"net sales" = "none"}'),
        [
            (
                "features.numeric.\"net sales\": expected a column other than columns.sales, got 'net sales'; "
                "potential would echo what the account already buys"
            )
        ],
    ),
    (
        "the id as a feature",
        job_text(features='categorical = ["account_id"]'),
        [
            (
                "features.categorical[0]: expected a column other than columns.account_id, got 'account_id'; "
                "an id says nothing about the account"
            )
        ],
    ),
    (
        "a feature of two kinds",
        job_text(features='numeric = {size = "none"}\ncategorical = ["size"]'),
        ["features.categorical[0]: expected a column of one kind, got 'size'; features.numeric names it too"],
    ),
    (
        "scaling unknown, short form",
        job_text(features='numeric = {size = "log"}'),
        [f"features.numeric.size: expected {SCALINGS}, or a table, got 'log'"],
    ),
    (
        "scaling misspelt, long form",
        job_text(features='numeric = {size = {scaling = "robsut"}}'),
        [f"features.numeric.size.scaling: expected {SCALINGS}, got 'robsut'; did you mean 'robust'?"],
    ),
    (
        "key of a feature misspelt",
        job_text(features="numeric = {size = {wieght = 2}}"),
        [
            (
                "features.numeric.size.wieght: expected one of the keys scaling, winsorise, missing_indicator, weight, "
                "got 'wieght'; did you mean 'weight'?"
            )
        ],
    ),
    (
        "weight is infinite",
        job_text(features="numeric = {size = {weight = inf}}"),
        ["features.numeric.size.weight: expected a finite number, got inf"],
    ),
    (
        "weight has no float",
        job_text(features=f"numeric = {{size = {{weight = 1{'0' * 400}}}}}"),
        [f"features.numeric.size.weight: expected a number > 0, got 1{'0' * 79}…"],
    ),
    ("winsorise is true", job_text(features="winsorise = true"), [f"features.winsorise: expected {LIMITS}, got true"]),
    ("winsorise is zero", job_text(features="winsorise = 0"), [f"features.winsorise: expected {LIMITS}, got 0"]),
    (
        "winsorise is upside down",
        job_text(features='categorical = ["a"]\nwinsorise = [0.9, 0.1]'),
        ["features.winsorise: expected strictly increasing numbers, got [0.9, 0.1]"],
    ),
    (
        "winsorise has one limit",
        job_text(features="winsorise = [0.1]"),
        ["features.winsorise[1]: expected a number ≥ 0 and ≤ 1, got nothing"],
    ),
    (
        "cut lines fall",
        job_text(potential="cut_lines = [0.9, 0.9]"),
        ["potential.cut_lines: expected strictly increasing numbers, got [0.9, 0.9]"],
    ),
    (
        "cut line at the top",
        job_text(potential="cut_lines = [0.9, 1]"),
        ["potential.cut_lines[1]: expected a number > 0 and < 1, got 1"],
    ),
    (
        "no cut line",
        job_text(potential="cut_lines = []"),
        ["potential.cut_lines: expected an array that is not empty, each a number > 0 and < 1, got []"],
    ),
    (
        "percentile as money",
        job_text(quadrant="sales = 5000"),
        [
            (
                "quadrant.sales: expected a percentile > 0 and < 1, got 5000.0; "
                'for an amount of money set threshold = "absolute"'
            )
        ],
    ),
    (
        "absolute without amounts",
        job_text(quadrant='threshold = "absolute"'),
        [
            'quadrant.potential: expected a number for threshold = "absolute", got nothing',
            'quadrant.sales: expected a number for threshold = "absolute", got nothing',
        ],
    ),
    (
        "median with a threshold",
        job_text(quadrant='threshold = "median"\nsales = 0.5'),
        ['quadrant.sales: expected no value for threshold = "median", got 0.5; remove sales'],
    ),
    (
        "capacity without a number",
        job_text(quadrant='threshold = "capacity"'),
        ['quadrant.capacity: expected a number for threshold = "capacity", got nothing'],
    ),
    (
        "capacity without effect",
        job_text(quadrant="capacity = 100"),
        ['quadrant.capacity: expected no value for threshold = "percentile", got 100; remove capacity'],
    ),
    (
        "bands without campaigns",
        job_text(campaigns='bands = {small = 0, "very big" = 10}'),
        [
            (
                'campaigns.map."very big": expected a campaign for this band, got nothing; '
                'add [campaigns.map."very big"] or set campaigns.default'
            )
        ],
    ),
    (
        "campaign for no band",
        job_text(campaigns='default = {channel = "mail", theme = "all"}\nmap = {smal = {channel = "a", theme = "b"}}'),
        ["campaigns.map.smal: expected one of the bands small, large, enterprise, got 'smal'; did you mean 'small'?"],
    ),
    (
        "campaigns of clusters without a default",
        job_text(campaigns='by = "cluster"'),
        [
            (
                'campaigns.default: expected a campaign for campaigns.by = "cluster", got nothing; '
                "clusters are found by the run; new ones would have no campaign"
            )
        ],
    ),
    (
        "campaigns of market segments that nothing tells",
        job_text(campaigns='by = "market_segment"'),
        [
            (
                'columns.market_segment: expected a column for campaigns.by = "market_segment", got nothing; '
                'or take campaigns.by = "band" or "cluster"'
            )
        ],
    ),
    (
        "one id for two campaigns, one channel written in two ways",
        job_text(
            campaigns='bands = {small = 0}\nmap = {small = {channel = "E-mail", theme = "a", id = "7"}}\n'
            'default = {channel = "e mail", theme = "a", id = "7"}'
        ),
        [
            (
                "campaigns.default.id: expected an id of its own, got '7'; "
                "the same id stands for another channel, theme or message"
            ),
            (
                "campaigns.default.channel: expected one way to write each channel, got 'e mail'; "
                "'E-mail' stands there too"
            ),
        ],
    ),
    (
        "campaign without a theme",
        job_text(campaigns='default = {channel = "mail"}'),
        ["campaigns.default.theme: expected text that is not empty, got nothing; Topic of the message"],
    ),
    (
        "bands leave small accounts out",
        job_text(campaigns="bands = {small = 10}"),
        [
            (
                "campaigns.bands: expected one band that starts at 0, got {'small': 10.0}; "
                "smaller accounts would have no campaign; set campaigns.default"
            )
        ],
    ),
    (
        "bands start together",
        job_text(campaigns="bands = {small = 0, large = 0}"),
        [
            "campaigns.bands.small: expected a lower limit of its own, got 0.0",
            "campaigns.bands.large: expected a lower limit of its own, got 0.0",
        ],
    ),
    (
        "remote without a scheduler",
        job_text(engine='kind = "remote"'),
        ['engine.scheduler: expected tcp://HOST:PORT or tls://HOST:PORT for kind = "remote", got nothing'],
    ),
    (
        "scheduler without effect",
        job_text(engine='scheduler = "tls://host:8786"'),
        [
            (
                "engine.scheduler: expected no value for kind = \"local\", got 'tls://host:8786'; "
                'set engine.kind = "remote", or remove scheduler'
            )
        ],
    ),
    (
        "scheduler over http",
        job_text(engine='kind = "remote"\nscheduler = "http://host:8786"'),
        ["engine.scheduler: expected tcp://HOST:PORT or tls://HOST:PORT, got 'http://host:8786'"],
    ),
    (
        "no workers",
        job_text(engine="workers = 0"),
        ["engine.workers: expected an integer ≥ 1, got 0"],
    ),
    (
        "a date for a number",
        job_text(potential="min_customers = 2024-05-01"),
        ["potential.min_customers: expected an integer ≥ 1 and ≤ 1000000000, got 2024-05-01"],
    ),
    (
        "an escape sequence for the terminal is shown, not sent",
        job_text('"\\u001b[31m" = 1'),
        [f"\"\\u001b[31m\": expected one of the keys {TOP_KEYS}, got '\\x1b[31m'"],
    ),
    (
        "empty file",
        "",
        [
            "input: expected a table, got nothing; The source of the market",
            "features: expected a table, got nothing; The features by which accounts are compared",
            "clusters: expected a table, got nothing; The clusters of peers",
            "output: expected a table, got nothing; The place and the columns of the scores",
        ],
    ),
    (
        "problems of several sections, and between sections, at once",
        job_text(
            'device = "tpu"',
            columns='account_id = "id"\nsales = "id"',
            clusters='k = 1\nseed = "x"',
            rows='sales_missing = "drop"',
            engine='kind = "remote"',
        ),
        [
            "device: expected one of 'auto', 'cpu', 'cuda', got 'tpu'; did you mean 'cpu'?",
            "rows.sales_missing: expected one of 'prospect', 'reject', 'error', got 'drop'",
            f"clusters.k: expected {K}, got 1",
            "clusters.seed: expected an integer ≥ 0 and ≤ 4294967295, got 'x'",
            "columns.sales: expected a column of its own, got 'id'; columns.account_id names it too",
            'engine.scheduler: expected tcp://HOST:PORT or tls://HOST:PORT for kind = "remote", got nothing',
        ],
    ),
]

# Each case: its name, the text, the line number, what the message must say.
NOT_TOML = [
    ("key twice", "[clusters]\nk = 3\nk = 4\n", 3, "cannot overwrite a value: 'k = 4'; a key can be given once"),
    ("section twice", "[input]\n[rows]\n[input]\n", 3, "'[input]'; a section can be given once"),
    ("no quotes", "\n\ndevice = cpu\n", 3, "invalid value: 'device = cpu'; text needs quotes"),
    ("capital boolean", "x = True", 1, "booleans are true and false"),
    ("no value", "[input]\npath\n", 2, "'path'; a line is KEY = VALUE or [section]"),
    ("backslashes", 'path = "C:\\data"', 1, "use single quotes"),
    ("closed table reopened", "a = {b = 1}\na.c = 2\n", 2, "a table in one line cannot be added to"),
    ("quote left open", 'a = 1\nb = "x\nc = 2\n', 2, "'b = \"x'; a quote is left open"),
    ("text left open to the end", 'a = 1\nb = """x\ny', 3, "not valid TOML"),
    ("a line separator that TOML does not count", "# a\u2028b\nk = cpu\n", 2, "'k = cpu'"),
    ("array left open, blank lines after", "a = 1\nb = [1,\n\n\n", 2, "'b = [1,'"),
    ("windows line ends", "a = 1\r\nb = \r\n", 2, "invalid value: 'b ='"),
]


def refused(text: str | bytes, folder: Path, overrides: tuple[str, ...] = ()) -> JobFileError:
    """Return the error that the job file raises, after the checks that hold for every bad job file."""
    path = folder / "job.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(JobFileError) as caught:
        load(path, overrides)
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert all(problem.startswith((f"{path}: ", "command line: ")) for problem in caught.value.problems)
    assert not any("\n" in problem for problem in caught.value.problems)
    return caught.value


@pytest.mark.parametrize(("text", "lines"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_every_problem_has_its_line(text: str, lines: list[str], tmp_path: Path) -> None:
    """C02, C06, C07: every wrong value is refused with its place, what was expected, what came, and what to do."""
    expected = [f"{tmp_path}/job.toml: {line.replace('{folder}', str(tmp_path))}" for line in lines]
    assert list(refused(text, tmp_path).problems) == expected


def test_the_table_of_bad_files_starts_from_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(job_text())
    assert load(tmp_path / "job.toml").clusters.k == 12


@pytest.mark.parametrize(("text", "line", "says"), [case[1:] for case in NOT_TOML], ids=[case[0] for case in NOT_TOML])
def test_broken_toml_is_refused_with_its_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    """C03, C04: a key or section given twice, and whatever else is no TOML, with the number of the line."""
    (problem,) = refused(text, tmp_path).problems
    assert problem.startswith(f"{tmp_path}/job.toml: line {line}: not valid TOML: ")
    assert says in problem


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b".".join([b"a"] * 3_000) + b" = 1", "nested too deeply"),
        (b"x = " + b"9" * 5_000, "a number has too many digits"),
        (b"# caf\xe9\n", "line 1: expected UTF-8 text, got byte 0xe9; save the file as UTF-8"),
        (b"a = 1\nb = '\xff'\n", "line 2: expected UTF-8 text, got byte 0xff"),
        ("a = 1".encode("utf-16"), "line 1: expected UTF-8 text, got byte 0xff"),
        (b"PAR1" + bytes(2**20), "expected a job file of at most 1 MiB, found more; is it a data file?"),
        (b"PAR1\x00\x01", "line 1: not valid TOML"),
    ],
    ids=["deep array", "deep key", "digits", "latin-1", "byte on line 2", "utf-16", "large data file", "data file"],
)
def test_bytes_that_are_no_job_file_are_refused(content: bytes, says: str, tmp_path: Path) -> None:
    """C05: bombs of nesting and digits, other encodings, data files."""
    (problem,) = refused(content, tmp_path).problems
    assert says in problem


def test_a_missing_job_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match=r"nowhere\.toml: expected a job file, found nothing; check the path"):
        load(tmp_path / "nowhere.toml")


def test_a_folder_is_no_job_file(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="expected a job file, found a folder; name the file inside it"):
        load(tmp_path)


def test_a_path_below_a_file_is_no_job_file(tmp_path: Path) -> None:
    (tmp_path / "job.toml").touch()
    with pytest.raises(JobFileError, match=r"job\.toml/x: cannot be read: Not a directory"):
        load(tmp_path / "job.toml" / "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_locked_job_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job.toml").touch(mode=0)
    with pytest.raises(JobFileError, match="cannot be read: Permission denied"):
        load(tmp_path / "job.toml")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("clusters.k", "command line: 'clusters.k': expected KEY=VALUE such as clusters.k=12"),
        ("=3", "command line: '=3': expected KEY=VALUE such as clusters.k=12"),
        ("my key=3", "command line: 'my key=3': expected KEY=VALUE such as clusters.k=12"),
        ("clusters.k=1", f"command line: clusters.k: expected {K}, got 1"),
        ("clusters.k==5", f"command line: clusters.k: expected {K}, got '=5'"),
        (
            "clusters.sede=1",
            f"command line: clusters.sede: expected one of the keys {CLUSTER_KEYS}, got 'sede'; did you mean 'seed'?",
        ),
        (
            "clutsers.k=3",
            f"command line: clutsers: expected one of the keys {TOP_KEYS}, got 'clutsers'; did you mean 'clusters'?",
        ),
        ("input.path.x=3", "command line: input.path.x: expected a table at input.path, got 'market'"),
        (
            "engine.kind=remote",
            '{file}: engine.scheduler: expected tcp://HOST:PORT or tls://HOST:PORT for kind = "remote", got nothing',
        ),
    ],
)
def test_a_bad_override_is_named_as_the_source(override: str, line: str, tmp_path: Path) -> None:
    assert refused(job_text(), tmp_path, (override,)).problems == (line.replace("{file}", f"{tmp_path}/job.toml"),)


def test_every_bad_override_is_listed(tmp_path: Path) -> None:
    assert len(refused(job_text(), tmp_path, ("a", "device=cpu", "b")).problems) == 2


def test_a_job_file_error_crosses_process_borders_with_its_problems() -> None:
    error = pickle.loads(pickle.dumps(JobFileError(["one", "two"])))  # noqa: S301 - our own bytes
    assert (type(error), error.problems, str(error)) == (JobFileError, ("one", "two"), "one\ntwo")


# Every key with a fixed name, in a job file where each is present: (the tables above it, the key).
CAMPAIGN = {
    "channel": "email",
    "theme": "price",
    "message": "cheap",
    "id": "c1",
    "contacts": 9,
    "budget": 8.0,
    "cost_per_contact": 2.0,
    "least_probability": 0.1,
    "likely_channel": "call",
}
FULL: dict[str, Any] = {
    "device": "cpu",
    "input": {
        "path": "market",
        "version": 3,
        "max_row_group_bytes": 1_000_000,
        "max_gone_share": 0.1,
        "max_customer_change": 0.2,
        "max_sales_change": 3,
    },
    "columns": {
        "account_id": "id",
        "sales": "sales",
        "party_type": "party",
        "market_segment": "industry",
        "revenue": "revenue",
        "name": "name",
        "renewal_date": "ends",
        "parent_id": "parent",
        "ultimate_parent_id": "head",
        "currency": "currency",
        "id_form": "crm18",
        "keep": ["city"],
    },
    "rows": {
        "sales_missing": "reject",
        "max_sales_missing_share": 0.1,
        "duplicates": "error",
        "max_rejected_share": 0.1,
        "non_negative": ["size"],
        "max_market_segments": 50,
    },
    "values": {"party": {"Reseller": "channel"}},
    "currency": {"target": "EUR", "rates": {"USD": 0.92}, "columns": ["size"]},
    "features": {
        "numeric": {"size": {"scaling": "robust", "winsorise": False, "missing_indicator": True, "weight": 2}},
        "categorical": ["industry"],
        "winsorise": [0.01, 0.99],
        "category_weight": 2,
        "category_floor": 0,
        "missing_indicator": True,
        "max_levels": 50,
        "allow": ["size"],
    },
    "leakage": {"action": "warn", "separability": 0.8, "told_apart": 0.2, "correlation": 0.3},
    "clusters": {
        "k": {"end_user": 12, "channel": "auto"},
        "k_range": [3, 9],
        "stability": False,
        "seed": 1,
        "fit_rows": "all",
        "seed_rows": 2000,
        "restarts": 3,
        "batch_rows": 10,
        "max_passes": 10,
        "polish_passes": 1,
        "hysteresis": 0.1,
        "max_relabelled_share": 0.2,
    },
    "potential": {
        "level": "account",
        "preset": "p80",
        "cut_lines": [0.5],
        "boundary": "strictly_below",
        "top_step": "p99",
        "min_customers": 30,
        "interval_level": 0.9,
        "stability": True,
    },
    "quadrant": {"threshold": "capacity", "level": "cluster", "sales": 0.7, "capacity": 100},
    "priority": {"win_rate": {}, "growth_label": True, "tiers": {"value": [0.4, 0.7, 0.9]}},
    "portfolio": {"hours": {"land": 30}, "cost_per_hour": {"hunter": 80}, "cost_per_account": {"digital": 2}},
    "names": {"E01": "large plants"},
    "titles": {"size": "employees"},
    "look_alike": {"enabled": False},
    "campaigns": {
        "by": "band",
        "size": "size",
        "bands": {"small": 0},
        "map": {"small": CAMPAIGN},
        "default": CAMPAIGN,
        "likely_from": 0.2,
        "covered_accounts": True,
    },
    "engine": {
        "kind": "remote",
        "workers": 4,
        "scheduler": "tcp://host:8786",
        "allow_insecure_scheduler": True,
        "connect_timeout": 5,
        "stall_timeout": 60,
        "resident_share": 0.4,
    },
    "backtest": {
        "min_match_share": 0.4,
        "realised": "later",
        "table": "later.parquet",
        "account_id": "id",
        "missing": "zero",
        "challenger_rows": 100,
        "neighbours": 5,
    },
    "coverage": {
        "min_match_share": 0.4,
        "people": "people.csv",
        "team": {"hunter": 3},
        "hours_per_person": 20,
        "hours_per": "week",
        "weeks_per_year": 44,
        "ramp": [0.0, 0.5],
        "plans": "plans.csv",
        "account_plans": "accounts.csv",
        "minimum_treatment": {"blue": "high_touch", "B": "pooled"},
        "measured": True,
        "owners": "owners.csv",
        "max_moves": 10,
        "families": "free",
        "balance": 0.2,
        "region": "city",
        "skill": "city",
    },
    "propensity": {
        "min_match_share": 0.4,
        "label": "bought",
        "label_table": "labels.parquet",
        "account_id": "id",
        "missing": "zero",
        "feature_cutoff": "2025-12-31",
        "label_start": "2026-01-01",
        "label_end": "2026-03-31",
        "feature_dates": {"size": "2025-06-30"},
        "as_of": "day",
        "numeric": ["size"],
        "categorical": ["industry"],
        "max_rows": 2000,
        "class_prior": 0.02,
        "calibration": "sigmoid",
        "bands": [0.1, 0.5],
        "cost_per_contact": 5,
    },
    "lifetime_value": {
        "min_match_share": 0.4,
        "orders": "orders",
        "order_account": "who",
        "order_date": "when",
        "order_amount": "money",
        "as_of": "2026-06-30",
        "copies": "drop",
        "margin": 0.3,
        "margin_column": "margins",
        "retention": 0.8,
        "retention_months": 6,
        "discount": 0.05,
        "months": 24,
        "column": "worth",
        "seed36": True,
    },
    "alerts": {"drop": 0.5, "intent": ["city"], "churn_chance": 0.4, "renewal_days": 60, "renewals_from": "2026-01-31"},
    "buying_roles": {
        "path": "contacts",
        "account_id": "who",
        "min_match_share": 0.4,
        "role": "title",
        "wanted": {"finance": ["CFO"], "user": []},
    },
    "jobs": {
        "k": 4,
        "k_range": [2, 8],
        "least_strength": 0.7,
        "messages": {"anvil": {"proposition": "more in less time", "theme": "speed"}},
    },
    "families": {"min_match_share": 0.4, "as_accounts": False, "features": {}},
    "segments": {
        "acquisition_cost": "cost",
        "network_effect": "brings",
        "weights": [1, 1, 0],
        "cost_to_serve": "serve",
        "advocate": "speaks",
        "own": ["trade"],
    },
    "products": {
        "min_match_share": 0.4,
        "path": "products",
        "account_id": "who",
        "product": "what",
        "sales": "money",
        "family": "kind",
        "owned": 0.3,
    },
    "next_offer": {"owned": 0.5, "by": "share"},
    "metrics": {"textfile": "tamscore.prom", "folder": "metrics"},
    "report": {"title": "The market", "company": "us", "currency": "EUR", "period": "2025", "owner": "sales"},
    "output": {"path": "scores", "columns": ["tier", "play"]},
}
TABLES: list[tuple[str, ...]] = [
    (),
    *((section,) for section in FULL if section not in {"device", "values", "names", "titles"}),
    ("features", "numeric", "size"),
    ("campaigns", "map", "small"),
    ("campaigns", "default"),
    ("jobs", "messages", "anvil"),
]


def without(tables: dict[str, Any], place: tuple[str, ...], key: str, wrong: str) -> dict[str, Any]:
    """Return the tables with the key at that place under a wrong name; a key that is not there is added."""
    if place:
        return {**tables, place[0]: without(tables[place[0]], place[1:], key, wrong)}
    return {**{name: value for name, value in tables.items() if name != key}, wrong: tables.get(key, 1)}


@st.composite
def typos(draw: st.DrawFn) -> tuple[tuple[str, ...], str, str]:
    """Draw a table, one of its keys, and the key with one letter deleted, replaced, inserted or swapped."""
    place = draw(st.sampled_from(TABLES))
    known = keys_at(place)
    key = draw(st.sampled_from(known))
    at = draw(st.integers(0, len(key) - 1))
    letter = draw(st.sampled_from(string.ascii_letters + string.digits + "_- .é"))
    wrong = draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],
                key[:at] + letter + key[at + 1 :],
                key[:at] + letter + key[at:],
                key + letter,
                key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
            ]
        ).filter(lambda word: word not in known)
    )
    return place, key, wrong


def test_the_full_job_file_is_good_and_names_every_key() -> None:
    parse(FULL)
    missing = [(place, key) for place in TABLES for key in keys_at(place) if key not in at_place(place)]
    exclusive = [(("input",), "sql"), (("input",), "connection"), (("quadrant",), "potential")]
    exclusive += [(("engine",), "worker_memory_gib"), (("engine",), "scratch")]
    exclusive += [(("lifetime_value",), key) for key in ("sales_before", "revenue", "order_dates")]
    exclusive += [(("next_offer",), key) for key in ("path", "account_id", "min_match_share", "product", "sales")]
    assert (
        missing == exclusive
    )  # a table of products, a path, capacity, a scheduler of somebody else's, and orders take their place


def at_place(place: tuple[str, ...]) -> dict[str, Any]:
    """Return the table of the full job file at a place."""
    table = FULL
    for step in place:
        table = table[step]
    return table


@settings(max_examples=1000, deadline=None)
@given(typos())
def test_every_typo_of_every_key_is_refused_and_the_true_key_named(typo: tuple[tuple[str, ...], str, str]) -> None:
    """C01: one letter deleted, replaced, inserted or swapped in any key: refused, and the true key suggested."""
    place, key, wrong = typo
    with pytest.raises(JobFileError) as caught:
        parse(without(FULL, place, key, wrong))
    (line,) = (problem for problem in caught.value.problems if f", got {wrong!r}; did you mean " in problem)
    assert line.startswith(f"job: {'.'.join(place)}")
    assert repr(key) in re.split("; did you mean ", line)[1]


NOT_YAML = [
    "clusters:\n  k: 3\n",
    "clusters: !!python/object/apply:os.system ['true']\n",
    "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "%YAML 1.2\n---\n",
    "k = 010",
    "k = no",
    "k = 0b",
    "k = 1_",
    "k = +inf0",
    "k = on",
    "k = ~",
    "k = 3 # fine\nk: 4",
]


@pytest.mark.parametrize("text", NOT_YAML)
def test_yaml_and_its_surprises_are_no_toml(text: str, tmp_path: Path) -> None:
    """C04, C05: octal-looking numbers, `no`, tags and aliases are refused, never read as something else."""
    (problem,) = refused(text, tmp_path).problems
    assert ": not valid TOML: " in problem


WRONG_BY_TYPE: dict[str, tuple[object, ...]] = {
    "string": ("", "x", "3", "true"),
    "integer": (-1, 0, 3, 2**63, 10**40),
    "number": (0.5, -1e308, 1e308, 5e-324),
    "boolean": (True, False),
    "array": ([], [1], [[]], ["x", 2]),
    "object": ({}, {"x": 1}, {"path": "x"}),
    "date": (date(2024, 5, 1), time(12, 30, 45)),
    "infinite": (float("nan"), float("inf"), float("-inf")),
}
KEYS = [(place, key) for place in TABLES for key in keys_at(place)]


def types_at(place: tuple[str, ...]) -> set[str]:
    """The types of JSON that the schema takes at a place; whole numbers are numbers."""
    nodes = list(outline._branches(outline.node_at(place)))
    found = {kind for node in nodes if "type" in node for kind in [node["type"]]}
    found |= {"boolean" if isinstance(node["const"], bool) else "string" for node in nodes if "const" in node}
    found |= {"string" for node in nodes if "enum" in node}
    found |= {"date" for node in nodes if node.get("format") == "date"}
    return found | ({"integer"} if "number" in found else set())


def test_a_wrong_key_of_a_table_with_chosen_keys_is_refused_with_the_keys_there_are() -> None:
    with pytest.raises(JobFileError, match=r"minimum_treatment\.red: expected a key that is 'blue', .* got 'red'"):
        parse(with_value(("coverage", "minimum_treatment"), "red", "pooled"))


def test_every_value_of_a_wrong_type_is_refused_at_its_key() -> None:
    """C02, C04, C06: all types at all keys that do not take them, dates and NaN among them; more than 1,000 cases."""
    cases = 0
    for place, key in KEYS:
        allowed = types_at((*place, key))
        assert allowed, (place, key)
        for kind, values in WRONG_BY_TYPE.items():
            for value in values if kind not in allowed else ():
                cases += 1
                with pytest.raises(JobFileError) as caught:
                    parse(with_value(place, key, value))
                where = ".".join((*place, key))
                assert any(problem.startswith(f"job: {where}") for problem in caught.value.problems), (where, value)
    assert cases > 1000


def with_value(place: tuple[str, ...], key: str, value: object) -> dict[str, Any]:
    """Return the tables of the full job file with another value at a key."""
    tables = deepcopy(FULL)
    inner = tables
    for step in place:
        inner = inner[step]
    inner[key] = value
    return tables


CHAINS = ["filecache::s3://b/x", "simplecache::/data/market", "zip://x::file:///y", "file:///x::", "/data/a::b"]
SCHEMES = [
    "http://h/x",
    "https://h/x",
    "ftp://h/x",
    "hdfs://n/x",
    "data://x",
    "s3a://b/x",
]
ADDRESSES = ["s3://", "s3:///x", "s3://b/x?versionId=1", "s3://b/x#y", "s3://b/../x", "s3://b/x/./y", "gs://b//x"]


def takes_addresses(section: str, key: str) -> bool:
    """Return whether a key looks closer at an address of an object store."""
    try:
        parse(with_value((section,), key, "s3://bucket/../x"))
    except JobFileError as error:
        return f"{section}.{key}: expected an address without '.' and '..'" in str(error)
    return False


def test_who_names_a_store_where_none_is_taken_learns_where_one_is() -> None:
    """People, plans and the like are read from a disk; a list that lacks a key would send people the wrong way."""
    with pytest.raises(JobFileError) as caught:
        parse(with_value(("coverage",), "people", "s3://bucket/people.csv"))
    message = str(caught.value).partition("are taken by ")[2].partition(" only")[0].split(", ")
    keys = [(section, key) for section, inner in FULL.items() if isinstance(inner, dict) for key in inner]
    keys.append(("next_offer", "path"))  # [products] has its table there
    assert sorted(message) == sorted(f"{section}.{key}" for section, key in keys if takes_addresses(section, key))


@pytest.mark.parametrize("key", ["input", "output"])
@pytest.mark.parametrize("path", [*CHAINS, *SCHEMES, "file://host/x", "a\0b", "file:///a%00b"])
def test_only_paths_and_addresses_of_known_stores_are_taken(key: str, path: str) -> None:
    """C07: no other scheme, no chain, no NUL, not even one that is percent-encoded."""
    with pytest.raises(JobFileError, match=rf"job: {key}\.path: expected (a local path|a path without|file://)"):
        parse(with_value((key,), "path", path))


@pytest.mark.parametrize("address", [*ADDRESSES, "s3://b/x\0y"])
def test_an_address_names_a_bucket_and_a_folder_and_nothing_else(address: str) -> None:
    """C07: no query, no dots, no empty names: what is written there must be found there."""
    with pytest.raises(JobFileError, match=r"job: output\.path: expected (SCHEME://BUCKET/FOLDER|an address without)"):
        parse(with_value(("output",), "path", address))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("S3://Bucket", "s3://Bucket"),
        ("gs://bucket/ä b", "gs://bucket/ä b"),
        ("abfs://files@account.dfs.core.windows.net/a", "abfs://files@account.dfs.core.windows.net/a"),
    ],
)
def test_addresses_of_object_stores_have_one_spelling(address: str, expected: str) -> None:
    """C07: the folder of the job file plays no part, and a slash at the end none either."""
    job = parse(with_value(("output",), "path", address), folder=Path("/jobs"))
    assert job.output.path == expected


@pytest.mark.parametrize("scores", ["s3://bucket/market", "s3://bucket", "s3://bucket/market/scores"])
def test_input_and_output_lie_apart_in_a_bucket_too(scores: str) -> None:
    """S18: neither the same, nor the one inside the other."""
    tables = deepcopy(FULL)
    tables["input"]["path"], tables["output"]["path"] = "s3://bucket/market", scores
    with pytest.raises(JobFileError, match=r"output\.path: expected (another path|a folder)"):
        parse(tables)


@pytest.mark.parametrize("key", ["input", "output"])
def test_dots_in_a_path_lead_where_they_say(key: str, tmp_path: Path) -> None:
    """C07: `..` is a path like any other, since the job file belongs to who runs it; checks look at where it leads."""
    job = parse(with_value((key,), "path", "../elsewhere/./x"), folder=tmp_path / "jobs")
    assert Path(getattr(job, key).path).resolve() == (tmp_path / "elsewhere" / "x").resolve()


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([(place, key) for place in TABLES for key in keys_at(place)]), json_like)
def test_any_value_at_any_key_is_taken_or_refused_never_a_crash(where: tuple[tuple[str, ...], str], value: Any) -> None:
    """C02: whatever JSON can say, at every key."""
    try:
        parse(with_value(*where, value))
    except JobFileError as error:
        assert error.problems  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "connection",
    [
        '"postgresql://keeper:Kolibri77@host/market"',
        '"postgresql://keeper@host/market?password=Kolibri77"',
        '"postgresql://keeper@host/market?p%61ssword=Kolibri77"',
        '"postgresql://keeper:Koli/bri77@host"',
        '"host=db password=Kolibri77"',
        '["postgresql://keeper:Kolibri77@host/market"]',
        '{password = "Kolibri77"}',
    ],
)
@pytest.mark.parametrize("is_override", [False, True])
def test_a_password_in_a_job_file_is_refused_and_not_repeated(
    connection: str, is_override: bool, tmp_path: Path
) -> None:
    path, line = tmp_path / "job.toml", f"connection = {connection}"
    path.write_text(job_text(input='sql = "select 1"\n' + ("" if is_override else line)), encoding="utf-8")
    with pytest.raises(JobFileError, match=r"input\.connection") as caught:
        load(path, [f"input.{line}"] if is_override else [])
    assert "bri77" not in str(caught.value)
