"""The errors that this package raises on purpose.  Standard library only."""

__all__ = ["InvalidType", "InvalidValue", "QblifError"]


class QblifError(Exception):
    """Base of every error that this package raises on purpose: one sentence for the user.

    Anything else that leaves the package is a bug in it, or an operating system error.
    """


class InvalidValue(QblifError, ValueError):
    """A value outside of what is allowed; the sentence names both."""


class InvalidType(QblifError, TypeError):
    """A value of the wrong type; the sentence names both."""
