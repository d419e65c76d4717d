"""Measures what ``docs/results.md`` says, a named row at a time, and renders its tables.

``python -m qblif.benchmarks --list`` shows the rows.
"""
