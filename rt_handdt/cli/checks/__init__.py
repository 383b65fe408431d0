"""What ``rt-handdt doctor`` looks at, by topic. Nothing heavy is imported before the check that needs it."""
