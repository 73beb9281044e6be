"""Models in continuous time: the step is a flow over dt."""
