"""One page to look at: runs as a single HTML file that needs no network and no other file.

`page` puts what `vtagml.report.finding.look` found into the template, finished or not. All that
comes from runs goes into one block of JSON, which the script of the page reads; the browser is told
to run that script only and to load nothing.
"""

from vtagml.report.html.page import page

__all__ = ["page"]
