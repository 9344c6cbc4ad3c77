"""The eight agencies of the synthetic county, and how each of them keeps its caseload.

The boroughs and the trust carry the names such services have in Hertfordshire, the practices invented ones;
nothing here is data of any of them.
"""

from dataclasses import dataclass
from typing import Literal

AREAS = ("dacorum", "stevenage", "watford")

# What is put in place of the contract's column names by the borough that keeps its own headers.
OWN_HEADERS = {
    "local_id": "Case no.",
    "dob": "D.O.B.",
    "forename": "First name(s)",
    "surname": "Family name",
    "chain": "CHAIN ID",
    "sex": "Gender",
    "area": "District",
    "opened": "Date opened",
    "closed": "Date closed",
    "last_contact": "Last seen",
    "team": "Officer team",
}


@dataclass(frozen=True, slots=True)
class Agency:
    """A service, the identifiers it holds, and the habits of its file.

    Attributes:
        area: Area id, or None for an agency that serves the whole county.
        holds_nhs, holds_chain: Chance that a record carries a number the person has.
        initials_only: The file gives initials in place of names.
        file: `csv` or `xlsx`.
        uk_dates: Dates are written dd/mm/yyyy, else ISO 8601.
        own_headers: The file has `OWN_HEADERS` and needs a mapping file.
        capitals: Surnames are typed in capitals.
    """

    agency_id: str
    name: str
    service: str
    area: str | None
    teams: tuple[str, ...]
    prefix: str
    holds_nhs: float = 0.0
    holds_chain: float = 0.0
    initials_only: bool = False
    file: Literal["csv", "xlsx"] = "csv"
    uk_dates: bool = False
    own_headers: bool = False
    capitals: bool = False


AGENCIES = (
    Agency(
        "cgl", "CGL drugs and alcohol", "substance_use", None, ("Recovery north", "Recovery south"), "C-",
        holds_nhs=0.35, holds_chain=0.75, initials_only=True, uk_dates=True,
    ),
    Agency(
        "housing-dacorum", "Dacorum housing", "housing", "dacorum", ("Housing options",), "D-",
        holds_chain=0.75, uk_dates=True, own_headers=True,
    ),
    Agency(
        "housing-stevenage", "Stevenage housing", "housing", "stevenage",
        ("Housing options", "Rough sleeping"), "SBC-", holds_chain=0.85, uk_dates=True,
    ),
    Agency(
        "housing-watford", "Watford housing", "housing", "watford", ("Homelessness prevention",), "",
        holds_chain=0.8, file="xlsx",
    ),
    Agency(
        "hpft", "HPFT mental health", "mental_health", None,
        ("Community team east", "Community team west"), "H-", holds_nhs=0.96, capitals=True,
    ),
    Agency(
        "practice-mill-lane", "Mill Lane Surgery", "primary_care", "watford", ("Reception",), "ML-",
        holds_nhs=0.99,
    ),
    Agency(
        "practice-park-street", "Park Street Practice", "primary_care", "stevenage", ("Reception",), "PS-",
        holds_nhs=0.99,
    ),
    Agency(
        "probation", "Probation", "probation", None, ("Sentence management",), "N-",
        holds_chain=0.15, uk_dates=True, capitals=True,
    ),
)  # fmt: skip

BY_ID = {agency.agency_id: agency for agency in AGENCIES}
HOUSING = {agency.area: agency for agency in AGENCIES if agency.service == "housing"}
PRACTICE = {agency.area: agency for agency in AGENCIES if agency.service == "primary_care"}
