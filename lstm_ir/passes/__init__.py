"""Rewrites lstm to lstm, the cost model, and the lowerings lstm to MLIR. One pass, one file, one FileCheck test."""
