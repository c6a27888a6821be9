"""Environment variables that keep numerical libraries to one thread. Each worker has one processor, where several
threads would only wait for each other."""

from __future__ import annotations

__all__ = ["ONE_THREAD"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
