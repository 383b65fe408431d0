"""The trainer: recordings in, a bundle for the live app out. The only part of the project that needs torch."""
