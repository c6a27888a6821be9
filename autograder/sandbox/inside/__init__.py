"""The sandbox from inside: the zygote, how a job drops its privileges, and the jobs. The modules above this folder run
outside."""
