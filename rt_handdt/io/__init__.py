"""The edges: recordings on disk and Lab Streaming Layer."""
