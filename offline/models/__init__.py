"""Networks, and the shapes and settings that they are made of."""
