"""The whole study: conditions × measures × folds × sessions × seeds, as jobs that can be stopped and gone on with."""
