"""The published method (Yuan et al. 2024, J NeuroEng Rehabil 21:233): networks, losses, training, latents."""
