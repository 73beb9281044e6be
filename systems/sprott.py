"""The source of the published exponents of the classical systems."""

SPROTT = (
    "J. C. Sprott, Chaos and Time-Series Analysis (Oxford, 2003), table of common chaotic systems "
    "(revised 2004); the last digit is the author's best estimate, given here as the uncertainty"
)

BOOK = "J. C. Sprott, Chaos and Time-Series Analysis (Oxford, 2003), ISBN 978-0-19-850840-3"
