"""Questions of papers and talks, computed: one folder each."""
