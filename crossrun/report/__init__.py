"""Reports of runs as one file, for people who do not have crossrun."""

from crossrun.report.blocks import Block
from crossrun.report.html import as_html
from crossrun.report.markdown import as_markdown
from crossrun.report.sections import ReportedRun, report_blocks, report_title

__all__ = ["Block", "ReportedRun", "as_html", "as_markdown", "report_blocks", "report_title"]
