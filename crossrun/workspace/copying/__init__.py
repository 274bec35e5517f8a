"""Copies of trees."""
