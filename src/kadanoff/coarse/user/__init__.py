"""Code of a user as a map: run, timed, watched, and never unpickled."""
