"""The friendly REPL's line editing (MicroPython's readline.c and repl.c, without completion)."""

_HISTORY = 8
_INDENT = 4
_KEYWORDS = ("@", "if", "while", "for", "try", "with", "def", "class", "async")


def needs_more(source):
    """Whether the REPL asks for another line before it runs ``source``."""
    if not source:
        return False
    compound = False
    for word in _KEYWORDS:
        if source.startswith(word) and not (
            word != "@" and len(source) > len(word) and _is_name(source[len(word)])
        ):
            compound = True
    depth = 0
    quote = ""
    i = 0
    while i < len(source):
        c = source[i]
        if quote:
            if c == "\\":
                i += 1
            elif source.startswith(quote, i):
                i += len(quote) - 1
                quote = ""
            elif c == "\n" and len(quote) == 1:
                quote = ""
        elif c in "\"'":
            quote = c * 3 if source.startswith(c * 3, i) else c
            i += len(quote) - 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        i += 1
    if len(quote) == 3:
        return True
    if quote:
        return False
    if depth > 0 or source[-1] == "\\":
        return True
    return compound and source[-1] != "\n"


def auto_indent(source):
    """The spaces that the line after ``source`` starts with (readline_auto_indent)."""
    lines = source.split("\n")
    last = lines[-1]
    if len(lines) > 1 and not last.strip(" ") and not lines[-2].strip(" "):
        return ""
    n = (len(last) - len(last.lstrip(" "))) // _INDENT
    return " " * _INDENT * (n + (last[-1:] == ":"))


def _is_name(c):
    return c == "_" or c.isalpha() or c.isdigit()


class LineEditor:
    """Reads edited lines from ``read_byte()``, echoes with ``write(text)``."""

    def __init__(self, read_byte, write):
        self._read_byte = read_byte
        self._write = write
        self._history = []

    def read(self, prompt, indent=""):
        """The next line and 0; on an empty line also "" and the control character (1 to 5)."""
        self._write(prompt + indent)
        self._line = indent
        self._at = len(indent)
        self._recall = -1
        while True:
            c = self._read_byte()
            if c == 3 or (c <= 5 and not self._line and c):
                return "", c
            if c == 13:
                self._write("\n")
                self._remember()
                return self._line, 0
            self._edit(c)

    def _remember(self):
        if self._line and self._history[:1] != [self._line]:
            self._history.insert(0, self._line)
            del self._history[_HISTORY:]

    def _edit(self, c):
        if c == 1:
            self._move(0)
        elif c == 5:
            self._move(len(self._line))
        elif c in (8, 127):
            self._delete()
        elif c == 27:
            self._escape()
        elif c >= 128:
            self._insert(self._utf8(c))
        elif c == 9:
            self._insert("    ")
        elif c >= 32:
            self._insert(chr(c))

    def _delete(self):
        # One character, or back to the last indentation.
        n = min(self._at, 1)
        if self._at and not self._line[: self._at].strip(" "):
            n = (self._at - 1) % _INDENT + 1
        self._replace(self._line[: self._at - n] + self._line[self._at :], self._at - n)

    def _utf8(self, first):
        n = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        data = bytes([first] + [self._read_byte() for _ in range(n)])
        try:
            return data.decode()
        except UnicodeError:
            return ""

    def _escape(self):
        if self._read_byte() != 0x5B:
            return
        c = self._read_byte()
        if c == 0x44:
            self._move(max(self._at - 1, 0))
        elif c == 0x43:
            self._move(min(self._at + 1, len(self._line)))
        elif c == 0x48:
            self._move(0)
        elif c == 0x46:
            self._move(len(self._line))
        elif c == 0x41 and self._recall + 1 < len(self._history):
            self._recall += 1
            self._show_history()
        elif c == 0x42 and self._recall >= 0:
            self._recall -= 1
            self._show_history()
        elif c == 0x33 and self._read_byte() == 0x7E:
            self._replace(self._line[: self._at] + self._line[self._at + 1 :], self._at)

    def _show_history(self):
        line = self._history[self._recall] if self._recall >= 0 else ""
        self._replace(line, len(line))

    def _move(self, to):
        if to < self._at:
            self._write("\b" * (self._at - to))
        else:
            self._write(self._line[self._at : to])
        self._at = to

    def _insert(self, text):
        self._replace(self._line[: self._at] + text + self._line[self._at :], self._at + len(text))

    def _replace(self, line, at):
        # Rewrite from the first character that differs, then put the cursor where it belongs.
        same = 0
        while same < min(len(line), len(self._line)) and line[same] == self._line[same]:
            same += 1
        self._move(min(same, self._at))
        start = self._at
        shorter = len(self._line) > len(line)
        self._line = line
        self._write(line[start:])
        if shorter:
            self._write("\x1b[K")
        self._at = len(line)
        self._move(at)
