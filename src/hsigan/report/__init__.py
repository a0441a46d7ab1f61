"""Results on disk to one HTML page; nothing is measured anew."""

from hsigan.report.folder import Results, read_results
from hsigan.report.page import render_report, write_report

__all__ = ["Results", "read_results", "render_report", "write_report"]
