"""Words of which nobody knows but whoever reads the rows in which they are kept: entered where people write, then searched for.

Every journey enters them where it writes anything; `test_what_is_seen.py` comes last and searches in all that they left.
"""

NINO = "QQ123456C"
NAMES = ("Quackenbush", "Zebulon")
NOTE = f"Asked on the phone, National Insurance number {NINO}"
MINUTE_COPY = f"%PDF-1.7\n% what the body decided about Zebulon Quackenbush, {NINO}\n%%EOF\n".encode()
