"""Hand-authored kernels: the code inside a dispatch, on vectors of the target's width."""
