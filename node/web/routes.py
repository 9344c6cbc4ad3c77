"""Every page of a node and who may open it: one table, which the tests and the navigation read too."""

from __future__ import annotations

from keys.actors import Role
from node.asking import ASKING
from node.overrides import DECIDING
from node.staff import PERSONAL_ROLES
from node.web import (
    answer_pages,
    carry_pages,
    check_pages,
    column_pages,
    conference_pages,
    consent_pages,
    duplicate_pages,
    help_pages,
    list_pages,
    log_pages,
    network_pages,
    override_pages,
    people_pages,
    review_pages,
    subject_pages,
)
from node.web.visits import Visit
from pages.account_pages import pages_of_accounts, pages_of_signing_in
from pages.visits import Page

EVERYBODY = None
SIGNED_IN = PERSONAL_ROLES
KEEPING = (Role.OPERATOR,)
REVIEWING = (Role.IG,)
WATCHING = (Role.IG, Role.OPERATOR)

PAGES: tuple[Page[Visit], ...] = (
    *pages_of_signing_in(signed_in=SIGNED_IN),
    Page("GET", "/", conference_pages.show_home, SIGNED_IN, "Home"),
    Page("GET", "/look-up", list_pages.show_look_up, ASKING, "Look up one person"),
    Page("POST", "/look-up", list_pages.look_up_sent, ASKING),
    Page("GET", "/conferences/new", conference_pages.show_new_conference, ASKING, "Plan a conference"),
    Page("POST", "/conferences", conference_pages.new_conference_sent, ASKING),
    Page("GET", "/conferences/{conference}", conference_pages.show_conference, ASKING),
    Page("POST", "/conferences/{conference}/upload", conference_pages.upload_sent, ASKING),
    Page("GET", "/conferences/{conference}/paste", conference_pages.show_paste, ASKING),
    Page("POST", "/conferences/{conference}/paste", conference_pages.paste_sent, ASKING),
    Page("GET", "/conferences/{conference}/carry", carry_pages.show_carry, ASKING),
    Page("POST", "/conferences/{conference}/carry", carry_pages.carry_sent, ASKING),
    Page("POST", "/conferences/{conference}/type", conference_pages.typing_sent, ASKING),
    Page("GET", "/conferences/{conference}/known-to", answer_pages.show_conference_known_to, ASKING),
    Page("GET", "/lists/{list}", check_pages.show_check, ASKING),
    Page("GET", "/lists/{list}/columns", column_pages.show_columns, ASKING),
    Page("POST", "/lists/{list}/columns", column_pages.columns_sent, ASKING),
    Page("GET", "/lists/{list}/add", list_pages.show_add, ASKING),
    Page("POST", "/lists/{list}/add", list_pages.add_sent, ASKING),
    Page("POST", "/lists/{list}/rows/{number:int}/remove", list_pages.remove_row_sent, ASKING),
    Page("POST", "/lists/{list}/remove", list_pages.drop_sent, ASKING),
    Page("POST", "/lists/{list}/send", check_pages.send_sent, ASKING),
    Page("GET", "/lists/{list}/known-to", answer_pages.show_known_to, ASKING),
    Page("GET", "/lists/{list}/known-to.xlsx", answer_pages.download_known_to, ASKING),
    Page("GET", "/lists/{list}/cases/{row:int}/{agency}", answer_pages.show_why, ASKING),
    Page("GET", "/lists/{list}/overrides/{row:int}", override_pages.show_request, ASKING),
    Page("POST", "/lists/{list}/overrides/{row:int}", override_pages.request_sent, ASKING),
    Page("GET", "/lists/{list}/emergencies/{row:int}", override_pages.show_emergency, ASKING),
    Page("POST", "/lists/{list}/emergencies/{row:int}", override_pages.emergency_sent, ASKING),
    Page("GET", "/overrides", override_pages.show_overrides, override_pages.READING, "Overrides"),
    Page("GET", "/overrides/{override}", override_pages.show_override, override_pages.READING),
    Page("POST", "/overrides/{override}", override_pages.decision_sent, DECIDING),
    Page("GET", "/people", people_pages.show_people, people_pages.READING, "Our people"),
    Page("POST", "/people", people_pages.find_sent, people_pages.READING),
    Page("GET", "/people/{person}", people_pages.show_person, people_pages.READING),
    Page("GET", "/people/{person}/consent", consent_pages.show_consent, people_pages.KEEPING),
    Page("POST", "/people/{person}/consent", consent_pages.consent_sent, people_pages.KEEPING),
    Page("POST", "/people/{person}/no", people_pages.no_sent, people_pages.KEEPING),
    Page("POST", "/people/{person}/seal", people_pages.seal_sent, people_pages.KEEPING),
    Page("GET", "/duplicates", duplicate_pages.show_duplicates, people_pages.KEEPING, "Duplicates"),
    Page("GET", "/duplicates/{pair}", duplicate_pages.show_pair, people_pages.KEEPING),
    Page("POST", "/duplicates/{pair}", duplicate_pages.decision_sent, people_pages.KEEPING),
    Page("GET", "/log", log_pages.show_log, log_pages.READERS, "Who asked"),
    Page("POST", "/log", log_pages.search_sent, log_pages.READERS),
    Page("GET", "/reviews", review_pages.show_reviews, REVIEWING, "Review queue"),
    Page("GET", "/reviews/{item}", review_pages.show_review, REVIEWING),
    Page("POST", "/reviews/{item}", review_pages.decision_sent, REVIEWING),
    Page("GET", "/subject-access", subject_pages.show_form, REVIEWING, "Subject access"),
    Page("POST", "/subject-access", subject_pages.report_sent, REVIEWING),
    Page("GET", "/network", network_pages.show_network, SIGNED_IN, "Agreements and keys"),
    *pages_of_accounts(keeping=KEEPING, watching=WATCHING),
    Page("GET", "/help", help_pages.show_help, EVERYBODY, "Help"),
)
