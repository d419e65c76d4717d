"""``python -m qblif``: the ``qblif`` command."""

from .cli.main import main

main()
