"""Where student code runs: behind walls, within limits, and nowhere near the tests."""
