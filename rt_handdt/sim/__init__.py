"""The virtual forearm: anatomy → motor units → surface potentials → a recording or a live stream."""
