"""What is known exactly: closed forms, finite lattices, enumerations."""
