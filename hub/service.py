"""What a running hub holds: settings, database, its two secrets, and a clock. Made once, by `create_app`."""

from __future__ import annotations

from dataclasses import dataclass

from hub.alarms import Limits
from hub.budgets import Budget
from hub.checkpoints import LogSigner
from hub.clock import Clock
from hub.database import Database
from hub.lookups import LookupRules
from hub.policy import policy_digest
from hub.secrets import load_identity, load_pepper_key
from hub.settings import HubSettings
from hub.tags import Pepper
from keys.identity import NodeIdentity
from matcher.decisions import Thresholds


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything a request may need."""

    settings: HubSettings
    database: Database
    identity: NodeIdentity
    pepper: Pepper
    rules: LookupRules
    clock: Clock

    @property
    def log_signer(self) -> LogSigner:
        """The hub as the operator of the access log."""
        return LogSigner(self.identity, self.settings.network)


def open_hub(settings: HubSettings, *, clock: Clock) -> Hub:
    """Load the secrets and prepare the database of a hub.

    Raises:
        NotInitialisedError: A secret is missing.
        UnsafeSecretError: Others can read a secret.
    """
    return Hub(
        settings=settings,
        database=Database(settings.url, lock_timeout_seconds=settings.lock_timeout_seconds),
        identity=load_identity(settings.home),
        pepper=Pepper(load_pepper_key(settings.home)),
        rules=rules_of(settings),
        clock=clock,
    )


def limits_of(settings: HubSettings) -> Limits:
    """Where alarms begin."""
    return Limits(settings.review, Budget(settings.staff_cases_per_day, settings.node_cases_per_day))


def rules_of(settings: HubSettings) -> LookupRules:
    """The rules of look-ups, with the digest that log entries keep of them."""
    return LookupRules(
        budget=Budget(settings.staff_cases_per_day, settings.node_cases_per_day),
        thresholds=Thresholds(known=settings.known_posterior, possibly=settings.possibly_posterior),
        policy=policy_digest(settings),
    )
