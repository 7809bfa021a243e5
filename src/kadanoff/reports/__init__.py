"""Pictures, tables and the offline page: knows no experiment."""
