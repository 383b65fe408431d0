"""The live engine: one worker thread from stream to decision, and what it tells about itself."""
