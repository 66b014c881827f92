"""The model of a whole job file: the core's sections, and one for each entry of the registry."""

from __future__ import annotations

from functools import cache
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from tamscore.config.job import Job
from tamscore.sections import SECTIONS

if TYPE_CHECKING:
    from tamscore.scoring.section import Section


def job_model() -> type[Job]:
    """Return the model that checks a job file, with a table for every section that is registered."""
    return _model_with(tuple(SECTIONS.values()))


@cache
def _model_with(sections: tuple[Section[Any], ...]) -> type[Job]:
    """Return the model of a job with these sections."""
    fields: dict[str, Any] = {section.name: _field_of(section) for section in sections}
    return create_model("FullJob", __base__=Job, __module__=__name__, __doc__=Job.__doc__, **fields)


def __getattr__(name: str) -> Any:
    """Return the model under its name, which is how a pickled job finds it."""
    if name == "FullJob":
        return job_model()
    raise AttributeError(name)


def _field_of(section: Section[Any]) -> tuple[Any, Any]:
    """Return type and default of a section: None if it is not asked for, its own if it is about finished runs."""
    about = (getdoc(section.settings) or section.name).partition(".")[0]
    if section.folder or section.always:
        return section.settings, Field(default_factory=section.settings, description=f"{about.partition(';')[0]}.")
    return section.settings | None, Field(None, description=f"{about}; absent: the section is off.")
