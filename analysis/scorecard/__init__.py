"""Truth and reconstruction side by side: floors, ceilings, verdicts, one table."""
