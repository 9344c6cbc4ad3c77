"""What can go wrong at the hub.

    HubError
      AuthenticationError          the caller is not who they would have to be
        CallerUnknownError           no agency holds this key
        SignatureRejectedError       a signature, or what it covers, is wrong
        RequestReplayedError         this nonce was seen before
        ClockSkewError               the request is too old or from the future
        InvitationRefusedError       an enrolment token is unknown, used or expired
        FingerprintMismatchError     a fingerprint read out is not the enrolled one
        UnsafeSecretError            a secret file can be read by others
      PolicyError                  the caller is known, and may not do this
        NodeNotConfirmedError        enrolled, not yet confirmed by the operator
        NotCustodianError            only the key custodian may do this
        RoleNotPermittedError        this role may not look up for this purpose
          OwnActionError               a reviewer asked or approved what is reviewed
        AgreementMissingError        no live agreement signed by the caller
        PurposeNotPermittedError     no look-up for this purpose, or no agreement covers it
        BasisNotPermittedError       no agreement covers this lawful basis, or it does not reach the purpose
        ApproverRequiredError        a public task needs an approver who is not the asker
        BudgetExhaustedError         today's cases, or what is logged of refusals or events, are used up
        RemoteBindingRefusedError    the hub was asked to listen beyond this machine
      RequestError                 the request cannot be used as it is
        MalformedError               a field breaks a rule
        SchemaMismatchError          another linkage schema than the current epoch's
        EpochMismatchError           another epoch than the current one
        BodyTooLargeError            more bytes than the hub reads
        NotFoundError                no such thing, or none the caller may see
        ConflictError                other content under the same id
      UnavailableError             the hub cannot do it now
        LogUnavailableError          no durable log entry could be written, so nothing is answered
        DatabaseOutdatedError        the database is older than the program
      NotInitialisedError          there is no hub in this home yet
      AlreadyInitialisedError      there is one already
      SettingsError                hub.toml or the environment breaks a rule

Messages name fields, agencies and rules; never a token, a key, a handle or a person's value.
No status codes here: `hub/problems.py` has the one table.
"""


class HubError(Exception):
    """The root of all errors raised by the hub."""


class AuthenticationError(HubError):
    """The caller is not who they would have to be."""


class CallerUnknownError(AuthenticationError):
    """No agency of the network holds the key that signed this."""


class SignatureRejectedError(AuthenticationError):
    """A signature, or what it covers, is wrong."""


class RequestReplayedError(AuthenticationError):
    """A request with this nonce was accepted before.

    Attributes:
        agency: Whose request it was, where an agency's; its signature is good.
    """

    agency: str | None = None


class ClockSkewError(AuthenticationError):
    """The request was made too long ago, or in the future."""


class InvitationRefusedError(AuthenticationError):
    """The enrolment token is unknown, used or expired: one answer for all."""


class FingerprintMismatchError(AuthenticationError):
    """The fingerprint read out by the agency is not the one that enrolled."""


class UnsafeSecretError(AuthenticationError):
    """A secret file can be read by others than its owner, or is not a secret of its kind."""


class PolicyError(HubError):
    """The caller is known, and may not do this."""


class NodeNotConfirmedError(PolicyError):
    """The agency has enrolled; the hub's operator has not confirmed its fingerprint."""


class NotCustodianError(PolicyError):
    """Only the key custodian may do this."""


class RoleNotPermittedError(PolicyError):
    """The role may not look up for this purpose."""


class OwnActionError(RoleNotPermittedError):
    """A reviewer asked or approved what is reviewed."""


class AgreementMissingError(PolicyError):
    """There is no live agreement that the caller and another party have signed."""


class PurposeNotPermittedError(PolicyError):
    """The purpose is not one of look-ups, or no live agreement of the caller covers it."""


class BasisNotPermittedError(PolicyError):
    """The lawful basis does not reach the purpose, or no live agreement of the caller covers it."""


class ApproverRequiredError(PolicyError):
    """A public task needs an approver who is not the asker."""


class BudgetExhaustedError(PolicyError):
    """Today's cases of this staff id or node are used up, or its refusals or events that are logged."""


class RemoteBindingRefusedError(PolicyError):
    """Listening beyond this machine has to be asked for."""


class RequestError(HubError):
    """The request cannot be used as it is."""


class MalformedError(RequestError):
    """A field of the request breaks a rule."""


class SchemaMismatchError(RequestError):
    """The request was made under another linkage schema than the current epoch's."""


class EpochMismatchError(RequestError):
    """The request belongs to another epoch than the current one."""


class BodyTooLargeError(RequestError):
    """The request body is longer than the hub reads."""


class NotFoundError(RequestError):
    """There is no such thing, or none that the caller may see."""


class ConflictError(RequestError):
    """There is other content under the same id."""


class UnavailableError(HubError):
    """The hub cannot do this now."""


class LogUnavailableError(UnavailableError):
    """No durable log entry could be written, so nothing is answered."""


class DatabaseOutdatedError(UnavailableError):
    """The database has an older layout than the program."""


class NotInitialisedError(HubError):
    """There is no hub in this home yet."""


class AlreadyInitialisedError(HubError):
    """There is a hub in this home already."""


class SettingsError(HubError):
    """A setting in hub.toml or the environment breaks a rule."""
