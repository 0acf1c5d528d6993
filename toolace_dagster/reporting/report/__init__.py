"""The report of a home: one page with its metrics, beside the paper's and beside other methods.

Belongs here: collecting what the page says, its plots, HTML and Markdown. Does not
belong here: measuring (``metrics``), or what experiments are (``experiments``).
"""

from toolace_dagster.reporting.report.facts import NothingMade, ReportFacts, report_facts
from toolace_dagster.reporting.report.page import report_html
from toolace_dagster.reporting.report.text import report_markdown

__all__ = ["NothingMade", "ReportFacts", "report_facts", "report_html", "report_markdown"]
