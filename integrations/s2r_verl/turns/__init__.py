"""Conversations in verl's agent loops."""
