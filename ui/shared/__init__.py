"""What both pages use: escaping, start-up."""
