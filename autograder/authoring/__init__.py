"""What an instructor runs before a release: text to notebook, validate, release."""
