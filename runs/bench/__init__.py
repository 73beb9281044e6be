"""Benchmarks: what training costs on this machine, as paired ratios."""
