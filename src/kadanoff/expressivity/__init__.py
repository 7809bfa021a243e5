"""What networks can express: gates, depth and hierarchies, as theorems that run."""
