"""Short-horizon forecasts over all flows of dysts, by the protocol of Gilpin, Phys. Rev. Research 5, 043252 (2023),
arXiv:2303.08011, with many windows in place of one."""
