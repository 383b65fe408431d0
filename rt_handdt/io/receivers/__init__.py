"""The other end of the sinks: decisions as a hand hears them."""
