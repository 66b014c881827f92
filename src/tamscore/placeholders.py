"""Placeholders in paths that nobody filled in: what a scheduler or a shell did not render becomes the name of a folder.

Where the line lies: braces, dollars, percent and angle signs that make a whole placeholder of a common language are
refused; alone they are odd but legal ("50%", "US$ 5", "a{1,2}", "<5", "100%25").
"""

from __future__ import annotations

import re

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FORMS = (
    r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}",  # Jinja, Airflow, dbt, Helm, Go
    r"[$@#]\{[^{}]*\}",  # ${NAME} of shells and many more, @{…}, #{…}
    r"\$\([^()]*\)|`[^`]+`",  # $(command) and `command`
    rf"\$\$?{_NAME}",  # $NAME
    rf"(?<!\$)\{{{_NAME}(?:[.:!][^{{}}]*)?\}}",  # {name} of Python
    r"%\([^()]+\)[-0-9.]*[a-zA-Z]",  # %(name)s
    r"%[A-Z][A-Z0-9_]{2,}%",  # %NAME% of Windows
    r"%[A-Za-z][-_.:T/]?%[A-Za-z](?![0-9A-Fa-f])|%Y(?![A-Za-z0-9])",  # %Y-%m-%d
    rf"<{_NAME}(?:[ .-]{_NAME})*>",  # <PATH> of instructions
)
_PLACEHOLDER = re.compile("|".join(_FORMS))


def placeholder_in(path: str) -> str | None:
    """The first placeholder in a path that nobody filled in, None where there is none."""
    result = _PLACEHOLDER.search(path)
    return result[0] if result else None


def remedy(placeholder: str) -> str:
    """Return what to do about it."""
    return f"nobody filled in {placeholder}; let the scheduler or the shell do so, or write the name out"
