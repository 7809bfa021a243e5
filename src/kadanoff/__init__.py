"""kadanoff."""
