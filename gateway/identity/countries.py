"""Which countries there are: the 249 officially assigned codes of two letters in ISO 3166-1.

Not among them: what users may assign for themselves (AA, QM to QZ, XA to XZ with XK, ZZ), and what is reserved without
being assigned (EU, UK, EL …). Nobody is ever said to be there, so whoever excludes it excludes nobody.
"""

COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - as in components.py
"""In order."""

_IS_ONE = frozenset(COUNTRIES)

_MEANT = {"BU": "MM", "DD": "DE", "EL": "GR", "FX": "FR", "SU": "RU", "TP": "TL", "UK": "GB", "ZR": "CD"}
"""What other lists call by another code, or was called so once, and has one successor."""


def is_country(code: str) -> bool:
    """Whether this is the code of a country."""
    return code in _IS_ONE


def fault_of_country(code: object) -> str:
    """Why this is no country's code and what to write, as a sentence that goes on from it."""
    meant = _MEANT.get(code, "") if isinstance(code, str) else ""
    if meant:
        return f"is no country: write `{meant}`, as ISO 3166-1 does"
    if code == "EU":
        return "is no country: write those of the union one by one, each with its two letters, as in DE (ISO 3166-1)"
    return "is no country: write its two letters, as in DE (ISO 3166-1)"
