"""Losses, loops, and all that is learnt from training windows; up to a finished bundle."""
