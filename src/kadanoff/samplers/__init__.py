"""Markov kernels with a declared stationary law, many replicas at a time."""
