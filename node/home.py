"""A node's home on disk, opened: settings, keys, database, and the way to the hub.

node.toml       settings, no secret
keys.store      identity, exchange key, node key, linkage keys by epoch; under the passphrase
node.sqlite3    caseload and the rest, every row sealed under the node key
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from keys.actors import AUTOMATIC, Actor
from keys.custody import ExchangeKey
from keys.errors import CustodyError
from keys.identity import NodeIdentity, PublicIdentity
from keys.keystore import KeyStore
from keys.linkage import LinkageKey
from keys.passphrase import PassphraseCost
from matcher.schema import LinkageSchema, parse_schema
from node import client as hub_client
from node.client import Clock, HubClient
from node.errors import NotInitialisedError, PolicyError
from node.settings import DATABASE_FILE, KEYS_FILE, SETTINGS_FILE, NodeSettings, load_settings, save_settings
from node.staff import begin_roster, read_changes, require_staff_id
from node.store import Store
from node.vault import KEY_BYTES, Vault

IDENTITY, EXCHANGE_KEY, NODE_KEY = "identity", "exchange-key", "node-key"
EPOCH_SETTING = "epoch"


@dataclass(frozen=True, slots=True)
class EpochKey:
    """What encoding needs: the epoch this node holds the linkage key of.

    Attributes:
        epoch: The epoch's id.
        schema: Its linkage schema.
        linkage_key: Its linkage key.
        document: The custodian's signed `epoch/1` document.
    """

    epoch: str
    schema: LinkageSchema
    linkage_key: LinkageKey
    document: Mapping[str, Any]


@dataclass(slots=True)
class Node:
    """One opened node. Close it when done.

    Attributes:
        actor: For whom it calls the hub; without anybody it acts by itself.
    """

    home: Path
    settings: NodeSettings
    keystore: KeyStore
    store: Store
    identity: NodeIdentity
    exchange_key: ExchangeKey
    clock: Clock = hub_client.utc_now
    actor: Actor = AUTOMATIC
    http: httpx2.Client | None = None

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and the connections."""
        self.store.close()
        if self.http is not None:
            self.http.close()

    def open_http(self) -> httpx2.Client:
        """The connections to the hub, opened once."""
        if self.http is None:
            self.http = hub_client.open_http(self.settings.hub, timeout_seconds=self.settings.timeout_seconds)
        return self.http

    def acting(self, actor: Actor) -> Node:
        """The same node for somebody else; it is closed with this one."""
        self.open_http()
        return replace(self, actor=actor)

    @contextmanager
    def in_own_thread(self, actor: Actor) -> Iterator[Node]:
        """The same node for somebody else, over a connection to the database of its own.

        SQLite's connections belong to one thread; the connections to the hub are shared.
        """
        self.open_http()
        with Store.open(self.home / DATABASE_FILE, self.store.vault) as store:
            yield replace(self, actor=actor, store=store)

    def client(self, actor: Actor | None = None) -> HubClient:
        """The way to the pinned hub.

        Args:
            actor: For whom, and in which role; by default for whom the node was opened.

        Raises:
            NotInitialisedError: The node has not enrolled.
        """
        if self.settings.hub_public_key is None:
            raise NotInitialisedError("this node has not enrolled with a hub; run 'knownto node enrol'")
        hub = PublicIdentity.from_base64(self.settings.hub_public_key)
        return HubClient(
            self.open_http(), identity=self.identity, actor=actor or self.actor, hub=hub, clock=self.clock
        )

    @property
    def network(self) -> str:
        """The network's id, learnt at enrolment."""
        if self.settings.network is None:
            raise NotInitialisedError("this node has not enrolled with a hub; run 'knownto node enrol'")
        return self.settings.network

    def pin_hub(self, *, network: str, hub: PublicIdentity) -> None:
        """Remember the hub this node belongs to; another one is refused from now on."""
        pinned = {
            "network": network,
            "hub_public_key": hub.public_key_base64,
            "hub_fingerprint": hub.fingerprint,
        }
        self.settings = self.settings.model_copy(update=pinned)
        save_settings(self.home, self.settings)

    def keep_linkage_key(self, epoch: str, linkage_key: LinkageKey) -> None:
        """Keep the linkage key of an epoch in the key store."""
        self.keystore.put(f"linkage/{epoch}", linkage_key.to_bytes())

    def keep_epoch(self, document: Mapping[str, Any], linkage_key: LinkageKey) -> None:
        """Keep an epoch's linkage key, and make the epoch this node's current one."""
        self.keep_linkage_key(str(document["epoch"]), linkage_key)
        self.store.put_setting(EPOCH_SETTING, json.dumps(document, ensure_ascii=False))

    def linkage_key(self, epoch: str) -> LinkageKey:
        """The linkage key of an epoch, from the key store.

        Raises:
            NotInitialisedError: It is not there.
        """
        try:
            return LinkageKey.from_bytes(self.keystore.get(f"linkage/{epoch}"))
        except CustodyError:
            raise NotInitialisedError(
                "the linkage key of the current epoch is not in the key store"
            ) from None

    def epoch_document(self) -> Mapping[str, Any] | None:
        """The signed document of the epoch this node has, or None."""
        text = self.store.setting(EPOCH_SETTING)
        return None if text is None else dict(json.loads(text))

    def epoch_key(self) -> EpochKey:
        """The current epoch as this node knows it.

        Raises:
            NotInitialisedError: The node has received no linkage key yet.
        """
        document = self.epoch_document()
        if document is None:
            _ = self.network  # Whoever has not enrolled does that first.
            raise NotInitialisedError(
                "this node has no linkage key yet: the key custodian makes one with 'knownto keys make' and "
                "hands it out with 'knownto keys share'; every other agency then runs 'knownto keys receive'"
            )
        epoch = str(document["epoch"])
        return EpochKey(epoch, parse_schema(document["schema"]), self.linkage_key(epoch), document)


def create_home(
    home: Path,
    settings: NodeSettings,
    passphrase: str,
    *,
    cost: PassphraseCost | None = None,
    clock: Clock = hub_client.utc_now,
) -> Node:
    """Make a node: its folder (0700), fresh keys, its settings, a database that knows its first person.

    Raises:
        PolicyError: There is a node in this home already.
        RecordFormatError: The first person's staff id cannot be one.
        CustodyError: The passphrase is too short, or the place is not private.
    """
    if any((home / name).exists() for name in (SETTINGS_FILE, KEYS_FILE, DATABASE_FILE)):
        raise PolicyError("this home holds a node already, or a part of one; nothing was changed")
    require_staff_id(settings.staff)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    keystore = KeyStore.create(home / KEYS_FILE, passphrase, cost=cost)
    exchange_key = ExchangeKey.generate()
    identity = NodeIdentity.generate(exchange_key=exchange_key.public_bytes)
    node_key = os.urandom(KEY_BYTES)
    for name, secret in (
        (IDENTITY, identity.private_bytes()),
        (EXCHANGE_KEY, exchange_key.private_bytes()),
        (NODE_KEY, node_key),
    ):
        keystore.put(name, secret)
    store = Store.create(home / DATABASE_FILE, Vault(node_key))
    begin_roster(store, settings.staff, at=clock())
    save_settings(home, settings)
    return Node(home, settings, keystore, store, identity, exchange_key, clock)


def open_home(home: Path, passphrase: str, *, clock: Clock = hub_client.utc_now) -> Node:
    """Open a node with its passphrase.

    Raises:
        NotInitialisedError: There is no node here.
        CustodyError: Wrong passphrase, or the key store can be read by others.
    """
    settings = load_settings(home)
    keystore = KeyStore.open(home / KEYS_FILE, passphrase)
    exchange_key = ExchangeKey.from_private_bytes(keystore.get(EXCHANGE_KEY))
    identity = NodeIdentity.from_private_bytes(keystore.get(IDENTITY), exchange_key=exchange_key.public_bytes)
    store = Store.open(home / DATABASE_FILE, Vault(keystore.get(NODE_KEY)))
    if not read_changes(store):  # Made before there were rosters.
        begin_roster(store, settings.staff, at=clock())
    return Node(home, settings, keystore, store, identity, exchange_key, clock)
