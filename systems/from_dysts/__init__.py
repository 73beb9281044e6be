"""Adapters for the flows, maps and delay equations of dysts."""
