"""What can go wrong with keys, signatures and epochs.

    KeysError
      KeyFormatError              the bytes or text are not in the form they must have
      CustodyError                a secret is not kept, or not opened, as it must be
        KeyUnwrapError            a key envelope is not for this node, network or epoch
      SignatureInvalidError       a signature, or what it must cover, is wrong
        UnknownKeyError           the key that is said to have signed is not known
      ProofInvalidError           a proof of a Merkle tree does not hold
      EnvelopeExpiredError        a signed message is outside the time window
      EnvelopeReplayedError       a signed message was seen before, or answers another question
      EpochClosedError            an epoch does not take what it is asked to take

No message carries a key, a signature, a nonce or any other input: only the field and the rule.
"""


class KeysError(Exception):
    """Base of every error this package raises on purpose."""


class KeyFormatError(KeysError):
    """A key, document or field is not in the form it must have."""


class CustodyError(KeysError):
    """A secret cannot be stored or opened as custody demands."""


class KeyUnwrapError(CustodyError):
    """A key envelope does not open for this node, network, epoch and custodian."""


class SignatureInvalidError(KeysError):
    """A signature is missing, malformed, too narrow or wrong."""


class UnknownKeyError(SignatureInvalidError):
    """The key id of a signature belongs to no key the receiver knows."""


class ProofInvalidError(KeysError):
    """An inclusion or consistency proof does not lead to the roots it should."""


class EnvelopeExpiredError(KeysError):
    """A signed message was made too long ago, or too far in the future."""


class EnvelopeReplayedError(KeysError):
    """A signed message was seen before, or answers another question."""


class EpochClosedError(KeysError):
    """An epoch is not in a state that allows what is asked of it."""
