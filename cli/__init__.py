"""The ``qblif`` command: one file a subcommand, thin over the library."""
