"""Readings of ensembles: per-configuration observables and functions of their means."""
