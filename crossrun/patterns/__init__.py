"""What runs teach: workflows learned, chosen, and credited with what they did."""
