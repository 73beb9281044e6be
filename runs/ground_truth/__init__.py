"""Invariants of the catalogue's systems, computed and kept as a table: `dsr systems verify`."""
