"""What can go wrong in matching.

    MatcherError
      SchemaError               a linkage schema is not one
      TokenFormatError          tokens do not fit their schema
      TokenLengthMismatchError  two sets of filters have different lengths
      ModelParameterError       a model file is not one, or belongs to another schema

Messages name fields, slots and rules. They never carry a token.
"""


class MatcherError(Exception):
    """The root of all errors raised by the matcher."""


class SchemaError(MatcherError):
    """The linkage schema breaks a rule of its format."""


class TokenFormatError(MatcherError):
    """Tokens have another shape than their schema says."""


class TokenLengthMismatchError(MatcherError):
    """Two sets of filters have different lengths."""


class ModelParameterError(MatcherError):
    """A model file breaks a rule of its format, or belongs to another schema."""
