"""The sandbox from inside: the warm process, the walls that a job closes behind itself, and the jobs. The modules above
this folder are outside, and ask."""
