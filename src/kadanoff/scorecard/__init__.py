"""Is this map a renormalization? The same rows for any map, and for a control."""
