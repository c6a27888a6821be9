"""Coursework for a deep learning course, and an autograder whose every grade can be trusted."""

__version__ = "0.1.0"
