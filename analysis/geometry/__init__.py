"""Where trajectories go: invariant densities, distances, dimensions, sections, recurrences."""
