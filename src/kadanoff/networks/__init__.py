"""Restricted Boltzmann machines of ±1 units: energies, Gibbs chains, training."""
