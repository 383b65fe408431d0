"""Virtual people on disk, and the page that shows what they are like."""
