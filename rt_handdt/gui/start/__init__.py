"""The start page: which stream, which model, and whether they fit."""
