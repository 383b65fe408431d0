"""What this computer can do: costs of each stage, latency over LSL, and how much signal it holds."""
