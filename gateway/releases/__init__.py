"""What is released, and when."""
