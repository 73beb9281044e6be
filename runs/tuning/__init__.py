"""Search over any settings of a run: trials are ordinary runs, so the store is the whole memory of a study."""
