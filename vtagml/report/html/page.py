"""The page itself: template, style, script and content in one file."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from vtagml.report.comparison import Comparison
from vtagml.report.finding import Seen
from vtagml.report.html.content import content
from vtagml.report.html.curves import panels
from vtagml.report.html.matrices import scales
from vtagml.report.html.pictures import BUDGET, Budget
from vtagml.report.runs import names_of
from vtagml.report.sheets import costs, results, sources
from vtagml.run_folder import plain

SCRIPTS = ("elements", "charts", "matrices", "gallery", "tables", "sections", "main")
# What would end the block of JSON, or a line, to a browser.
UNSAFE = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})


def page(
    seen: Sequence[Seen],
    comparison: Comparison | None,
    warnings: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> tuple[bytes, str]:
    """Makes the page.

    Args:
        seen: The runs, at least one.
        comparison: Of those with results; None where no run has any.
        warnings: What may be compared but must be said.
        left_out: Why some folders are not in it.

    Returns:
        The file, and what was done to its pictures.
    """
    names = names_of([run.folder for run in seen])
    finished = [folder.run for folder in seen if folder.run is not None]
    budget, runs = Budget(0), []
    for own, name in zip(seen, names, strict=True):
        budget.left += BUDGET // len(seen)  # what a run leaves is the next one's
        runs.append(content(own, name, budget, finished))
    keys = dict.fromkeys(key for run in runs for key in run["curves"].get("curves", {}))
    title = f"Run {names[0]}" if len(runs) == 1 else f"{len(runs)} runs"
    shown: dict[str, Any] = {
        "title": title,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "comparison": None if comparison is None else _compared(comparison, warnings),
        "leftOut": left_out,
        "panels": panels(list(keys), finished),
        "scales": scales(),
        "pictures": budget.said,
        "runs": runs,
    }
    return filled(title, shown), budget.said


def _compared(comparison: Comparison, warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "results": vars(results(comparison)),
        "costs": vars(costs(comparison)),
        "sources": vars(sources(comparison)),
        "notes": comparison.notes,
        "warnings": warnings,
    }


def filled(title: str, shown: Mapping[str, Any]) -> bytes:
    """Puts content into the template; only its own script and style are allowed to run."""
    style, scripts = asset("style.css"), "\n".join(asset(f"{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{scripts}}})();\n'
    data = json.dumps(plain(shown), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "TITLE": escape(title),
        "POLICY": (
            "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
            f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
        ),
        "STYLE": style,
        "CONTENT": data.translate(UNSAFE),
        "SCRIPT": script,
    }
    # Filled in one go: a run's text that looks like a place of the template stays text.
    return Template(asset("template.html")).substitute(parts).encode()


def asset(name: str) -> str:
    return files("vtagml.report.html").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
