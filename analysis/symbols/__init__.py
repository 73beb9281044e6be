"""Symbolic dynamics: words, transitions, entropies, partitions."""
