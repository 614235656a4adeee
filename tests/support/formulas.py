"""What a spreadsheet could calculate, as people from outside would write it."""

HOSTILE = (
    "=1+1",
    '=cmd|" /C calc"!A1',
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "＝1",
    "＠SUM(1)",
)
