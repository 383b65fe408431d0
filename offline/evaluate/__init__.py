"""Scores of bundles, runs and classifiers on people they do not know, beside the textbook method."""
