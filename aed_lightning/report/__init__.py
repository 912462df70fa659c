"""A run as a page that a person can read, and runs side by side."""
