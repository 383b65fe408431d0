"""Tests that ask what a hand is good for: movements and targets that its user wants to reach."""
