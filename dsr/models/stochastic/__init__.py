"""Models with process noise, whose free run is an ensemble."""
