"""From reconstructions to one score a frame."""
