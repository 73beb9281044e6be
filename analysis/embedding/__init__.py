"""States from observables: delays, dimensions, and which delayed columns span the attractor."""
