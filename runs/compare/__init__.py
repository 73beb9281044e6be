"""Comparison of many runs: an index of the store, statistics over seeds, tests, ranks, tables and a page.

Importing this package loads nothing heavy: `RunIndex` and `compare` are found in `index` and `comparison`.
"""
