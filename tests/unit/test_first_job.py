"""A first job: names of columns in several languages, shapes of values, and what may be no feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamscore import job_file
from tamscore.errors import InputContractError, UsageError
from tamscore.first_job.columns import column_of
from tamscore.first_job.features import follows_orders
from tamscore.first_job.job_text import job_text
from tamscore.first_job.names import words_of
from tamscore.first_job.proposal import propose
from tamscore.first_job.scaling import suitable_scaling
from tamscore.first_job.side_tables import SideTables

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 400
HEADERS = {
    "English": ("Account ID", "Account Name", "Industry", "Employees", "Net Sales", "Last Order Date", "Orders"),
    "Salesforce": ("Id", "Name", "Industry", "NumberOfEmployees", "Amount", "LastActivityDate", "Opportunities"),
    "German": ("KundenNr.", "Firma", "Branche", "Mitarbeiterzahl", "Jahresumsatz 2025", "Datum", "Bestellungen"),
    "French": ("Code client", "Raison sociale", "Secteur", "Effectif", "Chiffre d'affaires", "Date", "Commandes"),
    "Spanish": ("Código cliente", "Razón social", "Sector", "Empleados", "Ventas netas", "Fecha", "Pedidos"),
    "Italian": ("Codice cliente", "Ragione sociale", "Settore", "Dipendenti", "Fatturato", "Data", "Ordini"),
    "Dutch": ("Klantnummer", "Bedrijfsnaam", "Branche", "Medewerkers", "Omzet", "Datum", "Bestellingen"),
    "capitals": ("ACCOUNT_ID", "ACCOUNT_NAME", "INDUSTRY", "EMPLOYEES", "SALES", "CREATED_DATE", "ORDERS"),
}


def market(header: tuple[str, ...], rows: int = ROWS) -> pa.Table:
    """Return accounts whose sales follow from their size, under a header."""
    random = np.random.default_rng(0)
    employees = np.rint(np.exp(random.normal(4, 1.2, rows)))
    buys = random.random(rows) < 0.5
    sales = np.where(buys, np.rint(employees * np.exp(random.normal(0, 1, rows))), 0.0)
    columns = [
        [f"A{i:05}" for i in range(rows)],
        [f"Company {i}" for i in range(rows)],
        random.choice(["Metal", "Food", "Paper"], rows),
        employees,
        sales,
        np.datetime64("2026-01-01") + random.integers(0, 300, rows),
        np.where(buys, random.integers(1, 9, rows), 0),
    ]
    return pa.table(dict(zip(header, columns, strict=True)))


def stored(table: pa.Table, folder: Path) -> str:
    path = folder / "market.parquet"
    pq.write_table(table, path)
    return str(path)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_parts_are_found_by_their_names_in_the_languages_of_exports(header, tmp_path):
    proposal = propose(stored(market(header), tmp_path), tmp_path)
    named = {part: role.column for part, role in proposal.roles.items()}
    assert named == dict(zip(("account_id", "name", "market_segment", "size", "sales"), header[:5], strict=True))
    assert [*proposal.features.numeric] == [header[3]]
    assert proposal.features.categorical == (header[2],)
    assert set(proposal.features.left_out) == set(header[5:])


def test_the_written_job_loads_and_means_the_same_from_any_folder(tmp_path):
    table = stored(market(HEADERS["English"]), tmp_path)
    inside, outside = (propose(table, folder) for folder in (tmp_path, tmp_path / "jobs"))
    assert inside.path == "market.parquet"
    assert outside.path == table
    job = job_file.parse(job_text(inside), "job", folder=tmp_path)
    assert job.input.path == table
    assert job.features.numeric["Employees"].scaling == "log_standard"


def test_a_column_that_somebody_names_plays_its_part(tmp_path):
    table = market(HEADERS["English"]).append_column("Potential Sales", pa.array(np.arange(ROWS) * 1.5))
    given = {"sales": "Potential Sales", "name": "Industry"}
    proposal = propose(stored(table, tmp_path), tmp_path, given)
    assert (proposal.column("sales"), proposal.column("name")) == ("Potential Sales", "Industry")
    assert "Net Sales" in proposal.features.left_out
    with pytest.raises(UsageError, match=r"columns\.sales: no column 'nothing'"):
        propose(stored(table, tmp_path), tmp_path, {"sales": "nothing"})


def test_features_that_know_the_sales_are_left_out(tmp_path):
    table = market(HEADERS["English"])
    leak = np.where(np.asarray(table["Net Sales"]) > 0, np.log1p(np.asarray(table["Net Sales"])), 0)
    proposal = propose(stored(table.append_column("Engagement", pa.array(leak)), tmp_path), tmp_path)
    assert "Engagement" in proposal.features.left_out


def test_a_table_without_id_or_sales_says_which_option_names_them(tmp_path):
    table = market(HEADERS["English"])
    with pytest.raises(UsageError, match=r"--set columns\.sales=COLUMN"):
        propose(stored(table.drop_columns(["Net Sales", "Orders"]), tmp_path), tmp_path)
    lines = pa.concat_tables([table, table]).drop_columns(["Account Name"])
    with pytest.raises(InputContractError, match=r"'Account ID' holds each id 2\.0 times.*--orders"):
        propose(stored(lines, tmp_path), tmp_path)


def test_words_for_party_types_are_mapped_and_unknown_ones_named(tmp_path):
    words = np.resize(["Reseller", "Endkunde", "Endkunde", "Kunde"], ROWS).astype(object)
    words[7] = "Sonstige"
    proposal = propose(
        stored(market(HEADERS["English"]).append_column("Kundentyp", pa.array(words)), tmp_path), tmp_path
    )
    read = {"Reseller": "channel", "Endkunde": "end_user", "Kunde": "end_user", "Sonstige": "end_user"}
    assert proposal.party_types is not None
    assert proposal.party_types.words == read
    assert any("'Sonstige'" in text for text in proposal.doubts)
    assert job_file.parse(job_text(proposal), "job", folder=tmp_path).values["Kundentyp"] == read


@pytest.mark.parametrize(
    ("values", "name", "scaling"),
    [
        (np.exp(np.random.default_rng(0).normal(5, 2, 500)), "revenue", "log_standard"),
        (np.random.default_rng(0).normal(0, 1, 500), "growth", "standard"),
        (np.random.default_rng(0).standard_cauchy(500), "growth", "robust"),
        (np.where(np.arange(500) % 2, 0, np.exp(np.arange(500) / 50)), "patents", "quantile_normal"),
        (np.random.default_rng(0).random(500), "export share", "standard"),
        (2025 - np.random.default_rng(0).exponential(10, 500).round(), "Founded Year", "quantile_normal"),
    ],
)
def test_scaling_follows_the_shape_of_the_values(values, name, scaling):
    assert suitable_scaling(column_of(name, pa.chunked_array([values]))).scaling == scaling


def test_names_are_cut_at_signs_capitals_and_digits():
    assert words_of("NumberOfEmployees") == ("number", "of", "employees")
    assert words_of("Größe_in_m2") == ("grosse", "in", "m", "2")
    assert words_of("tblCRMAccountID") == ("crm", "account", "id")


ODD_NAMES = ["{a}", 'a.b "c" = [x]\n#', "\u2028\x7f\x85", "'''", "${HOME}", "\N{GRINNING FACE}", "\\n", " "]


def test_any_name_of_a_column_or_table_is_written_as_toml(tmp_path):
    table = market(HEADERS["English"])
    for name in ODD_NAMES:
        table = table.append_column(name, table["Employees"])
    path = tmp_path / "a\nb = 1.parquet"
    pq.write_table(table, path)
    job = job_file.parse(job_text(propose(str(path), tmp_path)), "job", folder=tmp_path)
    assert job.input.path == str(path)
    assert set(job.features.numeric) == {"Employees", *ODD_NAMES[:-1]}


def test_a_path_that_a_job_file_refuses_is_refused_at_once(tmp_path):
    (tmp_path / "${HOME}").mkdir()
    with pytest.raises(UsageError, match="placeholder"):
        propose(stored(market(HEADERS["English"]), tmp_path / "${HOME}"), tmp_path)
    with pytest.raises(UsageError, match="--to"):
        propose(str(tmp_path), tmp_path / "jobs")


@pytest.mark.parametrize(
    ("column", "values", "doubt"),
    [
        ("Net Sales", np.arange(ROWS) + 1.0, "the account's own revenue"),
        ("Net Sales", np.arange(ROWS) - 100.0, "25% of its values are negative"),
        ("Net Sales", np.where(np.arange(ROWS) % 2, np.nan, np.arange(ROWS)), "50.0% of the rows have no sales"),
        ("Account ID", [f"A{i // 2}" for i in range(ROWS)], "'Account ID' is called an id, but holds 200 different"),
        ("Account ID", [f"A{i}" if i % 9 else " " for i in range(ROWS)], "in 355 of 400 rows"),
        ("Currency", np.resize(["eur", "usd"], ROWS), "found eur, usd"),
        (
            "Machines",
            [f"{i % 50}" if i % 9 else "many" for i in range(ROWS)],
            "numbers, with texts such as 'many' among",
        ),
        ("Machines", [f"{i % 50}" for i in range(ROWS)], "'Machines' holds numbers, stored as texts"),
        ("\u8ba2\u5355", np.arange(ROWS) % 40, "take out those that follow from what the account buys"),
        ("Customer since", np.arange(ROWS) % 40, "take out those that follow from what the account buys"),
    ],
)
def test_what_may_be_another_thing_than_it_is_called_is_in_doubt(column, values, doubt, tmp_path):
    table = market(HEADERS["English"])
    columns = dict(zip(table.column_names, table.columns, strict=True)) | {column: pa.array(values)}
    proposal = propose(stored(pa.table(columns), tmp_path), tmp_path)
    assert doubt in "\n".join(proposal.doubts)


def test_values_that_are_none_and_long_ids_are_counted_as_they_are():
    assert column_of("x", pa.chunked_array([[np.nan, np.inf, -np.inf, 1.0]])).filled == 1
    assert column_of("x", pa.chunked_array([[" ", "", None, "a"]])).filled == 1
    assert column_of("x", pa.chunked_array([[2**60, 2**60 + 1]])).is_unique


def test_a_column_whose_values_would_reject_rows_is_no_feature(tmp_path):
    table = market(HEADERS["English"]).append_column(
        "x", pa.array(np.where(np.arange(ROWS) % 9, np.arange(ROWS), np.inf))
    )
    assert propose(stored(table, tmp_path), tmp_path).features.left_out["x"] == "infinite or too large values"


def test_codes_places_and_ids_of_digits_are_no_numbers_stored_as_texts(tmp_path):
    table = market(HEADERS["English"])
    for name, distinct in (("SIC code", 50), ("Postcode", 50), ("Other reference", ROWS), ("Grade", 9)):
        table = table.append_column(name, pa.array([f"{i % distinct:05d}" for i in range(ROWS)]))
    assert propose(stored(table, tmp_path), tmp_path).features.unread == {}


def test_ids_that_a_few_rows_share_are_not_said_to_be_unique(tmp_path):
    ids = pa.array([f"A{max(i, 2)}" for i in range(ROWS)])
    table = market(HEADERS["English"]).drop_columns("Account ID").append_column("Account ID", ids)
    reason = propose(stored(table, tmp_path), tmp_path).roles["account_id"].reason
    assert reason == "called so, 2 of 400 rows repeat a value of another"


def test_names_that_the_scores_have_are_not_kept(tmp_path):
    words = pa.array(np.resize(["hi", "lo"], ROWS))
    table = market(HEADERS["English"]).append_column("whitespace", words).append_column("stage", words)
    assert propose(stored(table, tmp_path), tmp_path).features.keep == ("stage",)


def test_order_lines_as_accounts_and_unfit_sales_are_explained(tmp_path):
    table = market(HEADERS["English"]).drop_columns(["Account Name"])
    lines = pa.concat_tables([table, table]).rename_columns(["{Account} ID", *table.column_names[1:]])
    with pytest.raises(InputContractError, match=r"holds each id 2\.0 times"):
        propose(stored(lines, tmp_path), tmp_path)
    flat = market(HEADERS["English"]).drop_columns(["Net Sales"]).append_column("Sales", pa.array([7.0] * ROWS))
    with pytest.raises(UsageError, match="'Sales' is called so, but holds 1 different values in 400 of 400 rows"):
        propose(stored(flat, tmp_path), tmp_path)


def test_a_row_for_each_order_is_no_row_for_each_account(tmp_path):
    """The id of the order is unique, that of the account repeats."""
    rows = 400
    table = pa.table(
        {
            "order_id": pa.array(range(rows)),
            "customer_id": pa.array([row % 90 for row in range(rows)]),
            "amount": pa.array([float(row % 97) for row in range(rows)]),
            "employees": pa.array([row % 90 * 3 + 1 for row in range(rows)]),
        }
    )
    with pytest.raises(InputContractError, match=r"'customer_id' holds each id 4\.4 times.*--orders.*'order_id'"):
        propose(stored(table, tmp_path), tmp_path)
    given = propose(stored(table, tmp_path), tmp_path, {"account_id": "order_id"})
    assert given.column("account_id") == "order_id"


def test_percentages_in_texts_are_numbers_that_a_run_does_not_read(tmp_path):
    shares = pa.array([f"{row % 150 / 10:.1f}%".replace(".", ",") for row in range(ROWS)])
    table = market(HEADERS["English"]).append_column("Export", shares)
    proposal = propose(stored(table, tmp_path), tmp_path)
    assert proposal.features.unread == {"Export": ""}
    assert any("'Export' holds numbers, stored as texts" in doubt for doubt in proposal.doubts)


def test_a_date_that_a_spreadsheet_has_counted_in_days_is_no_year():
    days = pa.chunked_array([pa.array(np.arange(30_000, 45_000, 50))])
    assert suitable_scaling(column_of("Founded", days)).reason == "no long tails"


def test_a_further_table_that_a_run_would_refuse_is_refused_at_once(tmp_path):
    market_path = stored(market(HEADERS["English"]), tmp_path)
    further = str(tmp_path / "further.parquet")
    pq.write_table(pa.table({"account": ["A00000"], "date": ["1.2.2025"], "amount": [1.0]}), further)
    with pytest.raises(UsageError, match=r"a date \(date\), found .*'date' \(text\)"):
        propose(market_path, tmp_path, further=SideTables(orders=further))
    with pytest.raises(UsageError, match="lacks person, role"):
        propose(market_path, tmp_path, further=SideTables(people=further))


@pytest.mark.parametrize(
    ("name", "follows"),
    [("Vorjahresumsatz", True), ("Jaaromzet 2024", True), ("F\u00f6rs\u00e4ljning", True), ("Firmenumsatz", False)],
)
def test_compounds_about_orders_are_known_and_the_own_revenue_is_none(name, follows):
    assert follows_orders(name) == follows
