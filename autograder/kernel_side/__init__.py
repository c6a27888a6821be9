"""The little that is loaded into a student's kernel: it serves calls. No tests, no answers, no other import."""
