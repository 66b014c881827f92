"""The columns of the synthetic market: 29 numeric measures and three categories, with the shape of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_Kind = Literal["amount", "count", "share", "rate", "year", "score"]
_Dtype = Literal["int32", "int64", "float32", "float64"]


@dataclass(frozen=True)
class SyntheticMeasure:
    """One numeric column: how it grows with company size, varies, goes missing, and is best scaled.

    `level` is the value at 100 employees (log scale for amounts, counts and years since founding, logit for shares,
    native for rates and scores). `by_size` is the exponent of company size, `factor` the latent trait that the column
    shares with others, and `missing` the share of nulls (`missing_small` > 0: small companies report it less).
    """

    name: str
    kind: _Kind
    dtype: _Dtype
    level: float
    by_size: float
    spread: float
    factor: int
    missing: float = 0.0
    missing_small: float = 0.0
    scaling: str = "log_standard"


_CAPITAL, _DIGITAL, _INNOVATION = 0, 1, 2
FACTORS = 3

MEASURES: tuple[SyntheticMeasure, ...] = (
    SyntheticMeasure("employees", "count", "int32", 4.6, 1.00, 0.00, _CAPITAL, 0.01),
    SyntheticMeasure("revenue", "amount", "float64", 16.5, 0.95, 0.55, _CAPITAL, 0.08, 0.5),
    SyntheticMeasure("assets", "amount", "float64", 16.2, 0.95, 0.80, _CAPITAL, 0.14, 0.6),
    SyntheticMeasure("capital_spend", "amount", "float64", 13.3, 0.90, 0.90, _CAPITAL, 0.16, 0.6),
    SyntheticMeasure("payroll", "amount", "float64", 15.4, 0.95, 0.50, _INNOVATION, 0.12, 0.4),
    SyntheticMeasure("energy_use", "amount", "float32", 6.5, 0.85, 0.90, _CAPITAL, 0.18, 0.3),
    SyntheticMeasure("sites", "count", "int32", 1.1, 0.55, 0.60, _CAPITAL, 0.02),
    SyntheticMeasure("countries", "count", "int32", 0.6, 0.35, 0.50, _INNOVATION, 0.03),
    SyntheticMeasure("subsidiaries", "count", "int32", 0.3, 0.60, 0.80, _CAPITAL, 0.05, 0.3),
    SyntheticMeasure("vehicles", "count", "int32", 2.2, 0.70, 1.00, _CAPITAL, 0.16),
    SyntheticMeasure("founded_year", "year", "int32", 3.0, 0.10, 0.70, _CAPITAL, 0.04, scaling="quantile_normal"),
    SyntheticMeasure("it_spend", "amount", "float64", 13.2, 0.90, 0.70, _DIGITAL, 0.10, 0.4),
    SyntheticMeasure("cloud_spend", "amount", "float64", 11.8, 0.85, 0.95, _DIGITAL, 0.14, 0.4),
    SyntheticMeasure("it_staff", "count", "int32", 1.5, 0.85, 0.60, _DIGITAL, 0.07, 0.3),
    SyntheticMeasure("devices", "count", "int32", 4.5, 0.95, 0.60, _DIGITAL, 0.06),
    SyntheticMeasure("servers", "count", "int32", 2.3, 0.80, 0.90, _DIGITAL, 0.09),
    SyntheticMeasure("software_products", "count", "int32", 2.9, 0.45, 0.45, _DIGITAL, 0.03),
    SyntheticMeasure("vendors", "count", "int32", 3.2, 0.50, 0.55, _DIGITAL, 0.05),
    SyntheticMeasure("web_visits", "count", "int64", 8.5, 0.70, 1.30, _DIGITAL, 0.02),
    SyntheticMeasure("social_followers", "count", "int64", 6.8, 0.60, 1.40, _DIGITAL, 0.11),
    SyntheticMeasure("job_openings", "count", "int32", 1.4, 0.75, 0.90, _INNOVATION, 0.00),
    SyntheticMeasure("patents", "count", "int32", -0.6, 0.65, 1.20, _INNOVATION, 0.00),
    SyntheticMeasure("research_share", "share", "float32", -3.2, 0.05, 0.70, _INNOVATION, 0.17, scaling="standard"),
    SyntheticMeasure("export_share", "share", "float32", -1.3, 0.15, 0.80, _INNOVATION, 0.13, scaling="standard"),
    SyntheticMeasure("online_share", "share", "float32", -1.0, 0.00, 0.85, _DIGITAL, 0.08, scaling="standard"),
    SyntheticMeasure("revenue_growth", "rate", "float32", 0.05, 0.00, 0.10, _INNOVATION, 0.10, scaling="robust"),
    SyntheticMeasure("employee_growth", "rate", "float32", 0.03, 0.00, 0.08, _INNOVATION, 0.05, scaling="robust"),
    SyntheticMeasure("operating_margin", "rate", "float32", 0.07, 0.00, 0.08, _CAPITAL, 0.12, scaling="robust"),
    SyntheticMeasure("credit_score", "score", "int32", 62.0, 2.50, 11.0, _CAPITAL, 0.04, scaling="minmax"),
)

NUMERIC: tuple[str, ...] = tuple(measure.name for measure in MEASURES)
NON_NEGATIVE: tuple[str, ...] = tuple(measure.name for measure in MEASURES if measure.kind in ("amount", "count"))
CATEGORICAL: tuple[str, ...] = ("industry", "country", "technology")
PARTY_TYPES: tuple[str, ...] = ("end_user", "channel")

INDUSTRIES: tuple[str, ...] = (
    "agriculture", "automotive", "banking", "chemicals", "construction", "education", "electronics", "energy",
    "food", "government", "healthcare", "hospitality", "insurance", "logistics", "machinery", "media",
    "professional_services", "retail", "software", "telecommunications",
)  # fmt: skip
COUNTRIES: tuple[str, ...] = (
    "US", "DE", "GB", "FR", "JP", "IN", "CA", "IT", "ES", "NL", "BR", "AU", "CH", "SE", "KR", "PL", "BE", "AT", "MX",
    "DK", "NO", "FI", "IE", "PT", "CZ", "SG", "ZA", "TR", "IL", "HU", "RO", "GR", "AE", "CL", "NZ", "CO", "TH", "MY",
    "SK", "LU",
)  # fmt: skip
_TECHNOLOGIES: tuple[str, ...] = (
    "windows_server", "public_cloud", "linux", "hybrid_cloud", "erp_suite", "desktop_only", "private_cloud",
    "container_platform", "data_warehouse", "point_of_sale", "industrial_control", "mobile_first", "mainframe",
    "unix", "edge_computing",
)  # fmt: skip
LEVELS: dict[str, tuple[str, ...]] = {"industry": INDUSTRIES, "country": COUNTRIES, "technology": _TECHNOLOGIES}
MISSING_CATEGORY: dict[str, float] = {"industry": 0.03, "country": 0.005, "technology": 0.18}
