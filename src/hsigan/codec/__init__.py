"""Scenes to files and back: the one room where models meet bytes."""
