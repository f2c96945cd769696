"""What both engines are asked, and how answers are written."""

import json
from datetime import date, datetime
from pathlib import Path

QUERIES = Path(__file__).resolve().parents[4] / "queries"
OF_A_HOST = "host_summary"
QUESTIONS = ("unknown_services_by_host", "weekly_growth", "flagged_pairs", "new_services")


def write(path, answers):
    """Rows by question, each row a value by column."""
    rows = {
        name: [dict(zip(columns, map(plain, row))) for row in rows] for name, (columns, rows) in answers.items()
    }
    Path(path).write_text(json.dumps(rows))


def plain(value):
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
