"""What ``--data`` names, as recordings, training windows and tables; and who is held out of them."""
