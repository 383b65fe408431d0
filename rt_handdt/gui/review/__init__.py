"""Recording review: what was asked for, decided and heard, over a whole file."""
