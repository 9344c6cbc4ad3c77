"""The log's words for people: what happened, what was answered, and why it was withheld."""

from __future__ import annotations

from collections.abc import Mapping

from hub.access_log import CALL_REFUSED_PREFIX, REFUSED_PREFIX, Action, NodeEvent
from hub.disclosure import RULES

ACTION_WORDS: Mapping[str, str] = {
    Action.LOOKUP_ANSWERED: "Look-up answered",
    Action.CONSENT_STORED: "Consent recorded",
    Action.CONSENT_WITHDRAWN: "Consent withdrawn",
    Action.CONSENT_OBJECTED: "Objection recorded",
    Action.CONSENT_LIFTED: "Consent given after a no",
    Action.AGREEMENT_PROPOSED: "Agreement proposed",
    Action.AGREEMENT_SIGNED: "Agreement signed",
    Action.EPOCH_CREATED: "Linkage key begun",
    Action.ENVELOPE_STORED: "Linkage key handed to a member",
    Action.PUSH_COMPLETED: "Caseload shared",
    Action.RECORDS_REMOVED: "Records taken off the hub",
    Action.ENROLMENT_PENDING: "Node enrolled",
    Action.ENROLMENT_CONFIRMED: "Node confirmed",
    Action.LOG_READ: "Log read",
    Action.CALL_REPLAYED: "Call refused: sent again",
    Action.TEXTS_ERASED: "Old texts erased",
    Action.BOUND_MET: "No more of these logged that day",
    Action.WITNESS_REFUSED: "Refused by a witness",
    Action.REVIEW_DECIDED: "Review decided",
    Action.INDEX_LINKED: "Records linked",
    Action.PAIRS_READ: "Pairs across agencies listed",
    Action.PAIR_READ: "Decisions on a pair read",
    Action.PAIR_DECIDED: "Pair decided",
    Action.COUNTS_PUBLISHED: "Counts of a cohort published",
    Action.SNAPSHOT_KEPT: "Members of a cohort kept for a list",
    Action.SNAPSHOT_RELEASED: "List of a cohort released to the agencies",
    Action.LIST_READ: "List of a cohort read",
    NodeEvent.EXPORT_MADE: "Log exported",
    NodeEvent.SUBJECT_ACCESS_MADE: "Report made for a person who asked",
    NodeEvent.SUBJECT_ACCESS_APPROVED: "Names in such a report approved",
    NodeEvent.ENTRIES_RECONCILED: "Copies of the log compared",
    NodeEvent.OVERRIDE_REQUESTED: "Override asked for",
    NodeEvent.OVERRIDE_APPROVED: "Override approved",
    NodeEvent.OVERRIDE_REFUSED: "Override refused",
    NodeEvent.EMERGENCY_DECLARED: "Emergency declared",
    NodeEvent.SEAL_SET: "Person sealed",
    NodeEvent.SEAL_LIFTED: "Seal lifted",
}
REFUSED_WORDS = {REFUSED_PREFIX: "Look-up refused", CALL_REFUSED_PREFIX: "Call refused"}
# The beginnings of actions by which entries are searched.
SUBJECTS: Mapping[str, str] = {
    "lookup": "Look-ups",
    "override": "Overrides and emergencies",
    "consent": "Consent",
    "seal": "Seals",
    "review": "Reviews",
    "agreement": "Agreements",
    "epoch": "Linkage keys",
    "push": "Caseloads shared",
    "caseload": "Records taken off the hub",
    "node": "Enrolments",
    "linking": "Linking runs",
    "pairs": "Pairs across agencies",
    "cohort": "Cohorts: counts and lists",
    "log": "The log itself: read, exported, witnessed",
    "call": "Refused calls",
}
# A second time beside the node's: the two never import each other, and a test holds them together.
ANSWER_WORDS: Mapping[str, str] = {
    "K": "Known",
    "P": "Possibly known - ring to check",
    "N": "No shared match",
    "R": "No reply yet",
    "A": "Not asked",
}
REASON_WORDS: Mapping[str, str] = {
    **{str(rule.reason): rule.words for rule in RULES},
    "permitted": "permitted",
    "permitted_without_card": "permitted, without the details of the contact",
    "no_match": "nobody matched",
    "never_shared": "the agency has shared nothing yet",
    "too_old": "the agency shared too long ago",
    "not_in_request": "the asker left the agency out",
    "no_agreement": "no live agreement covers it",
    "not_alone": "withheld records match the same person",
    "repeated": "answered as the same request was before",
}


def say_action(action: str) -> str:
    """What happened, in words; a refusal with its code."""
    if action in ACTION_WORDS:
        return ACTION_WORDS[action]
    for prefix, words in REFUSED_WORDS.items():
        if action.startswith(prefix):
            return f"{words}: {action.removeprefix(prefix).replace('_', ' ')}"
    return action


def say_answer(code: str) -> str:
    """An answer in words."""
    return ANSWER_WORDS.get(code, code)


def say_reason(reason: str | None) -> str:
    """A reason in words."""
    return REASON_WORDS.get(reason or "", reason or "")
