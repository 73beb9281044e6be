"""Search for hyper-parameters, validated in closed loop."""
