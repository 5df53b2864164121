"""Prints the tables of this folder's README from reports of `clip-ttl eval`.

    python3 docs/comparison/tables.py TINY TINY-CORRUPTED CIFAR CIFAR-CORRUPTED [COST-TINY COST-CIFAR]

Each is a folder with a report.json. Of the last two only the times are taken.
"""

import json
import sys
from pathlib import Path

NAMES = {
    "zero-shot": "no adaptation",
    "ttl": "TTL",
    "ttl@fast": "TTL, learning rate 0.01",
    "ttl@vote": "TTL, vote of the views",
    "ttl@templates": "TTL, eight templates",
    "ttl@only-templates": "eight templates alone",
    "ttl@templates-vote": "TTL, eight templates, vote",
    "tpt": "TPT",
    "c-tpt": "C-TPT",
    "prompt-align": "PromptAlign",
    "apt": "APT",
    "tps": "TPS",
    "oftta": "OFTTA",
    "dect": "DecT",
    "zero": "ZERO",
    "mta": "MTA",
    "sts": "STS",
    "marginal": "mean of views",
    "foa": "FOA",
}


def methods(folder: str) -> dict:
    """What a report says of each method, by the method's name in it."""
    report = json.loads((Path(folder) / "report.json").read_text())
    return {method["name"]: method for method in report["summary"]["overall"]["methods"]}


def sign(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def difference(method: dict | None) -> str:
    """The difference to no adaptation in percentage points, bold where chance is no good explanation."""
    if method is None:
        return "–"
    if method["name"] == "zero-shot":
        return f"{100 * method['top1']['value']:.1f}"
    paired = method["against_zero_shot"]
    low, high = (100 * end for end in paired["interval"])
    text = f"{sign(100 * paired['difference'])} ({sign(low)} to {sign(high)})"
    # With several conditions the same picture answers more than once, which McNemar's test does not allow for.
    p = paired.get("p_value")
    certain = p < 0.05 if p is not None else low > 0 or high < 0
    return f"**{text}**" if certain else text


def calibration_error(method: dict | None) -> str:
    return "–" if method is None else f"{100 * method['calibration']['ece']:.0f}"


def time(method: dict | None) -> str:
    if method is None:
        return "–"
    milliseconds = method["cost_ms"]["median"]
    if milliseconds < 1:
        return "< 1 ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def table(columns: list, cells: list) -> None:
    """One row for each method that any of the reports has."""
    for name, title in NAMES.items():
        if any(name in column for column in columns):
            row = [cell(column.get(name)) for column, cell in zip(columns, cells)]
            print(f"| {title} | {' | '.join(row)} |")
    print()


def main() -> None:
    reports = [methods(folder) for folder in sys.argv[1:]]
    answers, costs = reports[:4], reports[4:]
    table(answers, [difference] * 4)
    table(answers + costs, [calibration_error] * 4 + [time] * len(costs))


if __name__ == "__main__":
    main()
