"""The errors that this package raises on purpose.  Standard library only."""

__all__ = ["InvalidType", "InvalidValue", "QblifError"]


class QblifError(Exception):
    """Base of every error that this package raises on purpose: one sentence for the user.

    Anything else that leaves the package is a bug in it, or an operating system error.
    """


class InvalidValue(QblifError, ValueError):
    """What was handed in is not allowed; the sentence names the value and what is."""


class InvalidType(QblifError, TypeError):
    """What was handed in is of the wrong type; the sentence names the value and what is right."""
