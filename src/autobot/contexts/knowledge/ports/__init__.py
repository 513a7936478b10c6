"""What the knowledge context needs from the world."""
