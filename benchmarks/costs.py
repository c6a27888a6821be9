"""What classes of 100 to 100,000 cost in core-hours and money, calculated from what compare.py measured.

    python benchmarks/costs.py [--price 0.05]

The price of a core-hour is an assumption, in whatever money you pay: clouds ask about 0.05 US dollars for one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["costs_table"]

SIZES = (100, 1_000, 10_000, 100_000)
PRICE = 0.05
CORES = 64


def core_seconds(found: dict[str, Any], experiment: str) -> float:
    """Processor seconds that one submission occupies: the wall time of the largest class, times the workers."""
    rows = [r for r in found["rows"] if r["experiment"] == experiment and r["grader"] == "autograder, 2 workers"]
    most = max(row["submissions"] for row in rows)
    return 2 * median(row["wall"] / row["submissions"] for row in rows if row["submissions"] == most)


def costs_table(found: dict[str, Any], price: float = PRICE) -> str:
    """A Markdown table of class sizes: core-hours, money, and hours on a cluster."""
    lines = [
        f"| submissions | light: core-hours | money | real: core-hours | money | real, on {CORES} cores |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    light, real = core_seconds(found, "growth") / 3600, core_seconds(found, "softmax") / 3600
    for size in SIZES:
        cells = (
            f"{size:,}",
            f"{size * light:,.2f}",
            f"{size * light * price:,.2f}",
            f"{size * real:,.1f}",
            f"{size * real * price:,.2f}",
            f"{60 * size * real / CORES:,.1f} min",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Money is core-hours × {price:g}, an assumed price for one core-hour."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--price", type=float, default=PRICE, help="of one core-hour")
    results = Path(__file__).parent / "out/results.json"
    if not results.is_file():
        raise SystemExit(f"{results} is missing: run python benchmarks/compare.py first.")
    print(costs_table(json.loads(results.read_text()), parser.parse_args().price))


if __name__ == "__main__":
    main()
