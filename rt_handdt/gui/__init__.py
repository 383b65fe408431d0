"""The window. Qt lives here and nowhere else; it only reads `Engine.snapshot`."""
