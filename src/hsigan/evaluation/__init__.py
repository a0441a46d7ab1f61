"""Protocols: which numbers, on which split, over how many seeds."""
