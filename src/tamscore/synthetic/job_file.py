"""The job file that goes with a synthetic market."""

from __future__ import annotations

from tamscore.synthetic.measures import CATEGORICAL, MEASURES, NON_NEGATIVE

_TEMPLATE = """\
# Job file of a synthetic market: {rows} accounts, seed {seed}. Paths are relative to this file.
device = "auto"                  # a GPU that works, else the CPU; "cpu" or "cuda" to insist

[input]
path = "market"                  # a Parquet file, a folder of them, or a glob

[output]
path = "scores"

[columns]
account_id = "account_id"        # unique
sales = "sales"                  # net sales in the window: 0 for prospects, negative after returns
party_type = "party_type"        # end users and channel partners are never mixed
market_segment = "industry"      # missing numbers take the median of their industry
revenue = "revenue"              # the account's own; sales above it are flagged
name = "name"
{parents}
[rows]
sales_missing = "prospect"       # "reject" drops such rows into rejected/, "error" stops the run
duplicates = "identical"         # copies of a row count once; "sum" adds sales up, "reject" and "error" also go
non_negative = [
{non_negative}
]

[features]
categorical = [{categorical}]
category_weight = 1.0            # one mismatch counts as so many standard deviations
category_floor = 0.01            # rarer levels fold into "other"
winsorise = [0.001, 0.999]       # for the scalings that do not tame outliers themselves

[features.numeric]               # what an account is, never what it buys from us
{numeric}

[clusters]
k = {{ end_user = 11, channel = 4 }}
seed = 0
fit_rows = 262144                # clusters are fitted on so many rows; every row is scored

[potential]
preset = "p85"                   # cut lines at P85, P90, P95 of peers' sales, and the high-water mark

[quadrant]
threshold = "percentile"
potential = 0.8                  # high: at or above P80 of scored accounts
sales = 0.8                      # high: at or above P80 of customers

[campaigns]
size = "employees"
bands = {{ small = 0, large = 250, enterprise = 5000 }}

[engine]
kind = "local"
"""


_ORDERS = """
[lifetime_value]
orders = "orders"                # who, when, how much; refunds are negative
margin = 0.3

[alerts]
drop = 0.3                       # sales fell by more than this share, while those of the cluster did not

[segments]
"""
_ORDERED_PRODUCTS = """
[products]
path = "orders"                  # the same lines say who owns which product
sales = "amount"

[next_offer]
"""
_PRODUCTS = """
[products]
path = "products"                # who buys how much of which product

[next_offer]

[jobs]                           # what job customers hire the products to do
"""


_PARENTS = 'parent_id = "parent_id"          # the account that owns this one; [families] reads it\n'
_FAMILIES = """
[families]                       # sums and a tier a family; coverage gives each one owner
"""


def job_file(rows: int, seed: int, *, orders: bool = False, products: bool = False, families: bool = False) -> str:
    """Return the text of a complete, commented job file for the market of so many rows and this seed."""
    return (
        _TEMPLATE.format(
            rows=f"{rows:,}",
            seed=seed,
            non_negative="\n".join(f'    "{name}",' for name in NON_NEGATIVE),
            categorical=", ".join(f'"{name}"' for name in CATEGORICAL),
            numeric="\n".join(f'{measure.name} = "{measure.scaling}"' for measure in MEASURES),
            parents=_PARENTS if families else "",
        )
        + (_ORDERS if orders else "")
        + (_PRODUCTS if products else _ORDERED_PRODUCTS if orders else "")
        + (_FAMILIES if families else "")
    )
