"""Checks: small pytest modules that call a student's functions without sharing a process with them."""
