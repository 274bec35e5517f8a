"""What a user's own history says: forecasts and findings. Pure."""
