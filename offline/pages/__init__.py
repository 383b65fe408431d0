"""What every report is made of: tables, figures in one style, and the files that they are written to."""
