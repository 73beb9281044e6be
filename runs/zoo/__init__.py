"""Every model family on the same data, judged by the same measures: `python -m dsr.runs.zoo`."""
