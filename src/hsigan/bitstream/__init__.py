"""Integers to bytes and back: coding tables, the range coder, the container of a file. No torch."""
