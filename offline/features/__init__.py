"""Measures of trials and windows: from recordings to one table of feature maps, cached on disk."""
