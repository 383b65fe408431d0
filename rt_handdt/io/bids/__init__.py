"""EMG as the Brain Imaging Data Structure has it (BIDS 1.11): names, side-cars, sessions, and writing them."""
