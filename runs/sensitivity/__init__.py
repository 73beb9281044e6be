"""What each score of the scorecard sees: `python -m dsr.runs.sensitivity` writes the table and its heat map."""
