"""Loss and gradients of forced windows: hand-written adjoints, parallel in time, and on a GPU."""
