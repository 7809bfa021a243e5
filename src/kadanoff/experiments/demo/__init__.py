"""Zoom out a magnet two ways, by block spins and by networks, and read both."""
