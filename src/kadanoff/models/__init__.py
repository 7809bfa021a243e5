"""Hamiltonians, one per file."""
