"""One page on a class: what to teach again, whom to talk to, which check to look at."""
