"""What keeps numerical libraries to one thread in a process that starts with it: there is a process for each
processor, and threads that wait for each other on one of them take time from all."""

from __future__ import annotations

__all__ = ["ONE_THREAD"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
