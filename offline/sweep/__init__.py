"""The study: many runs of the pipeline, planned, run where there is room, and reported together."""
