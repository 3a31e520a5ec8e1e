"""Reads what a process, its C code and its child processes print to a pipe, and keeps the start and the end."""

from __future__ import annotations

import os
import re
import sys
from multiprocessing.connection import Connection

from vaebench.records.clean import clean, clean_lines
from vaebench.records.provenance import without_paths

KEPT = 2**15
"""The number of bytes kept from the start of the output, and also from its end"""
AT_ONCE = 2**20
"""The maximum number of bytes read from one process before the others get their turn"""
SEPARATOR = re.compile(r"[\\/]")
"""The separator of folders in a path"""


class Output:
    """The reading end of the pipe. Reading never blocks; only the start and the end of the output are kept."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.first, self.last, self.length = bytearray(), bytearray(), 0

    def read(self) -> bool:
        """Read the new output, and return True if there was any."""
        before = self.length
        while self.length - before < AT_ONCE and not self.pipe.closed and self.pipe.poll():
            chunk = os.read(self.pipe.fileno(), 2**16)
            if not chunk:  # no process can print any more
                self.pipe.close()
            self.length += len(chunk)
            room = KEPT - len(self.first)
            self.first += chunk[:room]
            self.last += chunk[room:]
            del self.last[:-KEPT]
        return self.length > before

    def text(self) -> str:
        """Return the kept output as lines that are safe to show and contain no paths of this machine."""
        lost = self.length - len(self.first) - len(self.last)
        gap = f"\n… {lost:,} bytes left out …\n" if lost else ""
        text = (self.first + gap.encode() + self.last).decode(errors="replace")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = (without_paths(line) if SEPARATOR.search(line) else line for line in text.split("\n"))
        return clean_lines("\n".join(lines))

    def line(self) -> str:
        """Return the last line that is not empty."""
        lines = (self.first + self.last)[-1000:].decode(errors="replace").split("\n")
        return next((told for line in reversed(lines) if (told := clean(line))), "")


def divert(pipe: Connection) -> None:
    """Redirect the output of this process and its child processes to a pipe."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        if stream is not None:
            stream.flush()
            getattr(stream, "reconfigure", lambda **_: None)(line_buffering=True)  # each line is a sign of life
        os.dup2(pipe.fileno(), number)
    pipe.close()
