"""Systems of the user's own: from a Python function, or from a file with equations as text."""
