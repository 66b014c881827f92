"""How CRM exports call their columns, and their kinds of accounts, in several languages.

Words are small letters without accents. Those that come first in a list count for more.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Part: TypeAlias = Literal["account_id", "sales", "party_type", "market_segment", "revenue", "name", "currency", "size"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES: dict[Part, tuple[str, ...]] = {
    "account_id": (
        "account id", "acct id", "account number", "account no", "customer id", "cust id", "customer number",
        "customer no", "client id", "company id", "organisation id", "organization id", "record id", "crm id",
        "kundennummer", "kunden nr", "kunden id", "debitor", "debitorennummer", "debitorennr", "kontonummer",
        "numero client",
        "code client", "id client", "siren", "siret", "codice cliente", "id cliente", "numero cliente",
        "numero de cliente", "codigo cliente", "cod cliente", "codigo de cliente", "klantnummer", "klant id",
        "numer klienta", "id klienta", "kundnummer", "kund id", "orgnr", "duns", "duns number", "ein", "lei",
        "cik", "vat id", "ust id", "id",
        "uuid", "guid", "key", "symbol", "ticker", "permalink", "code", "rcn", "nr", "no", "account", "customer",
    ),
    "sales": (
        "sales", "net sales", "our sales", "annual sales", "yearly sales", "total sales", "sales ltm", "umsatz",
        "nettoumsatz", "umsatz netto", "jahresumsatz", "erlos", "erlose", "ca ht", "chiffre d affaires",
        "chiffre affaires", "ventes",
        "ventas netas", "ventas", "facturacion", "fatturato", "vendite", "omzet", "vendas", "faturamento", "sprzedaz",
        "obrot", "forsaljning", "omsattning", "omsaetning", "spend", "annual spend", "total spend", "spent",
        "billings", "bookings", "net amount", "amount", "sales amount", "monetary", "arr", "acv", "order value",
        "won amount", "purchases", "expenditure", "expenditures", "total charges", "charges", "premium", "donation",
        "gift", "volume", "betrag", "montant", "importe", "importo", "bedrag", "ca", "total revenue", "net revenue",
        "gross revenue", "revenue", "revenues", "turnover", "total amount", "total",
    ),
    "revenue": (
        "annual revenue", "company revenue", "own revenue", "reported revenue", "estimated revenue", "revenue",
        "firmenumsatz", "unternehmensumsatz", "ca entreprise", "ca annuel", "ingresos anuales", "ricavi", "turnover",
    ),
    "name": (
        "account name", "company name", "customer name", "organisation name", "organization name", "company", "firma",
        "firmenname", "kundenname", "unternehmen", "raison sociale", "nom client", "societe", "entreprise",
        "razon social", "empresa", "nombre cliente", "ragione sociale", "azienda", "nome cliente", "bedrijfsnaam",
        "bedrijf", "klantnaam", "nazwa", "foretag", "organisation", "organization", "institution", "name", "nom",
        "nombre", "nome", "naam", "namn", "navn", "kunde", "customer", "client", "cliente", "klant", "security",
    ),
    "party_type": (
        "party type", "account type", "customer type", "client type", "partner type", "relationship type",
        "kundentyp", "kundenart", "partnertyp", "type de client", "type client", "tipo cliente", "tipo de cliente",
        "tipo di cliente", "klanttype", "type klant", "kundtyp", "channel", "sales channel", "kanal", "vertriebsweg",
        "absatzkanal", "canal", "canale", "type", "typ", "tipo",
    ),
    "market_segment": (
        "market segment", "industry", "sector", "branche", "wirtschaftszweig", "vertical", "secteur",
        "secteur d activite", "industria", "settore", "setor", "bransch", "branza", "segment",
        "kundensegment", "segmento",
        "category", "kategorie", "categorie", "categoria", "ntee", "nace", "naics", "sic", "size band", "region",
        "country", "land", "pays", "pais", "paese",
    ),
    "currency": (
        "currency", "currency iso code", "currency code", "wahrung", "waehrung", "devise", "moneda", "valuta",
        "moeda",
    ),
    "size": (
        "employees", "number of employees", "employee count", "no of employees", "headcount", "staff", "mitarbeiter",
        "mitarbeiterzahl", "anzahl mitarbeiter", "beschaftigte", "beschaeftigte", "effectif", "effectifs", "salaries",
        "empleados", "numero de empleados", "dipendenti", "numero dipendenti", "werknemers", "medewerkers",
        "funcionarios", "anstallda", "ansatte", "pracownicy",
    ),
}  # fmt: skip
"""What columns are called by the part they play."""

NO_SALES = _words(
    "anteil anzahl assets band branche budget cd change class count crecimiento crescita croissance date datum "
    "days delta dipendenti earnings effectif effectifs empleados employees estimated expected forecast goal groei "
    "growth headcount index industry klasse last marge margen margin medewerkers mitarbeiter multiple next number "
    "owner pct per percent plan potential potenzial predicted prev previous prior prognose prozent quota rang "
    "rank ranking ratio region rep score sector share staff stage target team tier trend vorjahr wachstum yield "
    "yoy ziel"
)
"""Words that make a column something else than what was sold, whatever else its name says."""

ORDERS = _words(
    "abo acv arr auftraege auftrag auftrage basket bestandskunde bestelling bestellingen bestellung bestellungen "
    "billing billings booking bookings bought buyer charge charges churn churned clv commande commandes contract "
    "contracts contrat conversion converted descuento discount discounts factura facturas facture factures "
    "factuur fattura frequency invoice invoiced invoices korting label lead lifecycle lifetime lost ltv menge "
    "monetary mrr nps omzet opportunities opportunity order ordered orders ordine ordini paid panier payment "
    "payments pedido pedidos pipeline potential potenzial premium premiums purchase purchased purchases qty "
    "quantity rabatt recency rechnung rechnungen refund refunds remise renewal renewals returns rfm sales sconto "
    "seats spend spent stage subscription subscriptions target tenure ticket tickets umsatz upsell vendas vendite "
    "ventas ventes vertrag vertrage wallet warenkorb whitespace won zahlung "
    "erlos erlose facturacion fatturato faturamento forsaljning obrot omsaetning omsattning sprzedaz vendas"
)
"""Words of columns that follow from what an account buys: as features they would repeat it."""

PERHAPS_ORDERS = _words(
    "activa active actif activo aktiv angebot angebote anfragen attivo besuch besuche calls cliente client customer "
    "db deal deals deckungsbeitrag depuis desde devis enquiries inquiries installed klant kunde kunden last licences "
    "licenses limit lizenzen logins loyalty margen margin marge meetings nps offerte offertes points previous prior "
    "profit quotation quotes rating reklamationen satisfaction score seit since sinds usage users visit visite visites "
    "visits vorjahr"
)
"""Words of columns that may follow from what an account buys: as features they are in doubt."""

SALES_COMPOUNDS = (
    "umsatz",
    "omzet",
    "erlos",
    "erlose",
    "omsattning",
    "omsaetning",
    "forsaljning",
    "auftrage",
    "bestellungen",
)
"""Last parts of compounds about orders, as in vorjahresumsatz."""

OWN_SPENDING = _words("advertising capital cloud energy hardware it marketing payroll rd research software tax")
"""Words of what an account spends in general, rather than with us."""

PLACES = _words(
    "address adresse anschrift bic cik cusip direccion domain duns ein email facebook fax guid handy hash "
    "homepage iban indirizzo ip isin lat latitude lei linkedin lng lon longitude mail mobile phone plz postal "
    "postcode row rownames rue siren siret strasse street tel telefon telephone twitter unnamed url ust uuid vat "
    "webseite website zip zipcode"
)
"""Words of columns that name, locate or reach an account: their numbers are no amounts."""

CODES = _words("cd code codes id ids index key nace naics no nr num number numero nummer sic")
"""Last words of columns of codes: their numbers are no amounts."""

CLASSES = _words("cd code codes key nace naics sic")
"""Last words of codes that are categories where they are few."""

STATES = frozenset(
    (
        "status", "account status", "customer status", "client status", "lead status", "crm status", "kundenstatus",
        "statut", "statut client", "estado cliente", "stato cliente",
    )
)  # fmt: skip
"""Columns that say whether an account is a customer."""

DATED = _words("changed created data date datum erstellt fecha geandert modified time timestamp updated")
"""Words of columns that say when."""

YEARS = _words("annee anno ano baujahr founded gegrundet grundung grundungsjahr jaar jahr year")
"""Words of columns with years."""

MONEY_OR_COUNT = _words(
    "amount assets branches capital employees funding headcount income locations mitarbeiter population price revenue "
    "revenues sites spend standorte stores turnover value"
)
"""Words of amounts and counts, which are never negative unless their values say so."""

CHANNEL = frozenset((
    "agent", "aterforsaljare", "canal", "channel", "channel partner", "channel partner reseller", "dealer",
    "distribuidor", "distributeur", "distribution", "distribution partner", "distributor", "distributore",
    "fachhandel", "fachhandler", "groothandel", "grosshandel", "grosshandler", "grossista", "grossiste", "haendler",
    "handel", "handelspartner", "handler", "indirect", "indirect customer", "indirekt", "installation partner",
    "integrator", "managed service provider", "mayorista", "msp", "partenaire", "partner", "partner reseller",
    "reseller", "revendedor", "revendeur", "rivenditore", "si", "socio", "system integrator", "systemhaus",
    "systems integrator", "value added reseller", "var", "vertriebspartner", "wederverkoper", "wholesale",
    "wholesaler", "wiederverkaeufer", "wiederverkaufer",
))  # fmt: skip
"""What channel partners are called."""

END_USER = frozenset((
    "anwender", "client", "client direct", "client final", "cliente", "cliente directo", "cliente diretto",
    "cliente final", "cliente finale", "customer", "customer direct", "direct", "direct customer", "direkt",
    "direktkunde", "eindgebruiker", "eindklant", "end client", "end customer", "end user", "endkunde", "endkunden",
    "enduser", "endverbraucher", "interessent", "klant", "kund", "kunde", "lead", "prospect", "prospecto",
    "slutkund", "usuario final", "utente finale", "utilisateur final",
))  # fmt: skip
"""What end users are called."""
