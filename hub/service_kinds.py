"""What kinds of service there are: the words that rule files and agreements may use for an agency.

The list is configuration (DOMAIN.md, "Who the services are"); this is what is shipped. A partnership with
other kinds passes its own to `hub.cohort_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SERVICE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "adult_social_care": "adult social care",
        "childrens_services": "children's services",
        "domestic_abuse": "domestic abuse",
        "employment": "employment support",
        "family_support": "family support",
        "hospital": "hospital",
        "housing": "housing",
        "mental_health": "mental health",
        "outreach": "street outreach",
        "police": "police",
        "primary_care": "primary care",
        "probation": "probation",
        "substance_misuse": "drugs and alcohol",
        "supported_housing": "supported housing",
        "voluntary_mental_health": "voluntary sector mental health",
    }
)
# The network's list of agencies calls two kinds otherwise. Its `vcse` and `other` can be anything: no kind.
OTHER_WORDS: Mapping[str, str] = MappingProxyType(
    {"substance_use": "substance_misuse", "social_care": "adult_social_care"}
)
# Without these a cohort counts mostly men: they are the services that see women most (DOMAIN.md).
KINDS_THAT_SEE_WOMEN = ("mental_health", "domestic_abuse", "childrens_services")


def plain_words(name: str) -> str:
    """A name of a rule file, of an area or domain, as people write it."""
    return name.replace("_", " ")


def kind_words(kind: str) -> str:
    """A kind of service as people call it."""
    return SERVICE_KINDS.get(kind, plain_words(kind))


def kind_of_service(service: str) -> str | None:
    """The kind that an agency's service, as the network lists it, is counted under; None for none.

    Args:
        service: One of `hub.schemas.Service`.
    """
    kind = OTHER_WORDS.get(service, service)
    return kind if kind in SERVICE_KINDS else None
