"""What a student gets back: a page with their notebook, their points and what was wrong."""
