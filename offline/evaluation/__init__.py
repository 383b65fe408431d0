"""Any bundle scored on any recordings, as live use would, beside the textbook method on the same windows."""
