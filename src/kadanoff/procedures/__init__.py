"""Monte Carlo renormalization procedures that draw their own samples."""
