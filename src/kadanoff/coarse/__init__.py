"""Maps from configurations to configurations, by physics and by networks."""
