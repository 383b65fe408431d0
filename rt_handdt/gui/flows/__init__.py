"""What the window does in place of its start page: one way from there and back a file."""
