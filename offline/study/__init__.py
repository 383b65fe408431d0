"""One run of the pipeline: measured, trained, classified, reported, exported."""
