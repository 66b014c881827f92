"""Codes, signs and names of currencies, and what columns of them are called."""

from __future__ import annotations

import re

from tamscore.substitution import fold_word

_CODES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL""".split()  # noqa: SIM905
)
"""Codes of ISO 4217."""
_COMMON = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD INR JPY KRW MXN NOK NZD PLN SEK SGD TWD USD ZAR".split()  # noqa: SIM905
)
"""Codes that are no words and that a market of several currencies hardly does without."""
_NAMES = frozenset(
    """€ $ £ ¥ ₹ ₩ ₽ ₺ fr. kr kč ft zł euro euros dollar dollars yen pound pounds sterling franken franc francs rupee
    rupees yuan renminbi krone kroner krona kronor koruna złoty zloty real reais peso pesos won rand lira ruble rubles
    rouble roubles hryvnia forint leu lei lev leva dinar dirham riyal shekel baht ringgit rupiah dong""".split()  # noqa: SIM905
)
"""Names of currencies, folded."""
_ORDINARY = frozenset("fr. ft kr pound pounds real won rand lei leva lev dong".split())  # noqa: SIM905
"""Names that mean other things, too."""
_SAME = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "US$": "USD", "US DOLLAR": "USD", "US DOLLARS": "USD", "£": "GBP"}
"""Other spellings of some codes."""
_PREFIXED = re.compile(r"[a-z]{1,3}([$€£¥])")
"""A sign with a country before it, folded: US$, CA$."""
_TITLE = re.compile(
    r"curr(ency|encies)?|ccy|w(ä|ae?)hrung|waers|waerk|devise|monnaie|moneda|divisa|valuta|moeda|waluta|měna|pénznem"
    r"|valiuta|para|döviz|валюта|通貨|货币|币种|通貨コード",
    re.IGNORECASE,
)
"""Words in the titles of currency columns."""


def is_titled(name: str) -> bool:
    """Return whether a title has a word for currency: CurrencyIsoCode, billing_currency, Währung."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return any(_TITLE.fullmatch(word) for word in re.split(r"[\W_]+", words))


def is_currency(word: str) -> bool:
    """Return whether a word is a code, a sign or a name of a currency, of a country or not: EUR, US$, Swiss Franc."""
    return word.strip().upper() in _CODES or _name_in(word) in _NAMES


def is_common(word: str) -> bool:
    """Return whether a word is a code of a common currency, or a sign or name that means nothing else."""
    return word.strip().upper() in _COMMON or _name_in(word) in _NAMES - _ORDINARY


def _name_in(word: str) -> str:
    """Return the sign or the last part of a word, folded; the whole where it is one part."""
    folded = fold_word(word)
    sign = _PREFIXED.fullmatch(folded)
    return sign[1] if sign else (folded.split() or [""])[-1]


def one_spelling(word: str) -> str:
    """Return a word in capitals without blanks around it, as a code where it is another spelling of one."""
    name = word.strip().upper()
    return _SAME.get(name, name)
