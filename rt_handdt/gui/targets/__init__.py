"""Target tests on screen."""
