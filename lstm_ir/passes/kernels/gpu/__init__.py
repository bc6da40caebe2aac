"""Kernels for GPUs: what they know of a target, and the targets, one file each."""
