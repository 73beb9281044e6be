"""Topologically minimal reconstructions: symbols, regions and fixed points of AL-RNNs beside those of the truth."""
