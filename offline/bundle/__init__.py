"""What every export shares: graphs, golden vectors, cards, and a bundle checked by running what was written."""
