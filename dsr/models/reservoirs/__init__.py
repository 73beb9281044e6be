"""Reservoirs: fixed random or polynomial features of the past, and a readout solved in closed form."""
