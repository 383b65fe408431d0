"""The published method judged over people: splits, runs, scores, statistics, figures."""
