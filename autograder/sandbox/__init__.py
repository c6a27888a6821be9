"""Where student code runs: confined, within limits, and nowhere near the tests."""
