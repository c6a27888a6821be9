"""What a check is: a small pytest module that calls a student's functions without sharing a process with them."""
