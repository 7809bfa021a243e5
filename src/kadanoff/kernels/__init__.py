"""Numba kernels, one self-contained module per algorithm: arrays in, arrays out.

A cached kernel does not notice an edit of a jitted callee in another file, so each
module carries everything it calls, its random number generator included.
"""
