"""Every page of the hub and who may open it: one table, which the tests and the navigation read too."""

from __future__ import annotations

from hub.staff import HUB_ROLES
from hub.web import (
    agency_pages,
    cohort_pages,
    home_pages,
    linking_pages,
    log_pages,
    review_pages,
    verification_pages,
)
from hub.web.visits import Visit
from keys.actors import Role
from pages.account_pages import pages_of_accounts, pages_of_signing_in
from pages.visits import Page

EVERYBODY = None
SIGNED_IN = HUB_ROLES
REVIEWING = (Role.IG,)
KEEPING = (Role.OPERATOR,)
WATCHING = (Role.IG, Role.OPERATOR)

PAGES: tuple[Page[Visit], ...] = (
    *pages_of_signing_in(signed_in=SIGNED_IN),
    Page("GET", "/", home_pages.show_home, SIGNED_IN, "Home"),
    Page("GET", "/reviews", review_pages.show_queue, REVIEWING, "Review queue"),
    Page("GET", "/reviews/{item}", review_pages.show_item, REVIEWING),
    Page("POST", "/reviews/{item}", review_pages.decide_sent, REVIEWING),
    Page("GET", "/log", log_pages.show_log, REVIEWING, "Access log"),
    Page("GET", "/log.csv", log_pages.download_log, REVIEWING),
    Page("GET", "/log/{index:int}", log_pages.show_entry, REVIEWING),
    Page("GET", "/verification", verification_pages.show_verification, WATCHING, "Verification"),
    Page("POST", "/verification", verification_pages.verify_sent, WATCHING),
    Page("GET", "/agencies", agency_pages.show_agencies, SIGNED_IN, "Agencies"),
    Page("GET", "/agreements/{agreement}", agency_pages.show_agreement, SIGNED_IN),
    Page("GET", "/linking", linking_pages.show_linking, SIGNED_IN, "Linking"),
    Page("GET", "/model", linking_pages.show_model, SIGNED_IN),
    Page("GET", "/cohorts", cohort_pages.show_cohorts, SIGNED_IN, "Cohort rules"),
    Page("GET", "/cohorts/{rule}", cohort_pages.show_cohort, SIGNED_IN),
    *pages_of_accounts(keeping=KEEPING, watching=WATCHING),
    Page("GET", "/help", home_pages.show_help, EVERYBODY, "Help"),
)
