"""Writes the software bill of materials, CycloneDX 1.6, of what a release installs: `python locks/sbom.py > FILE`.

It says what the hashed lock says, so that the same lock gives the same bytes: packages, versions, hashes, who needs
whom; and licences as far as the packages are installed here.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

LOCK = Path(__file__).with_name("run.txt")
NAME = "tamscore"
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? ?\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """One package of the lock: version, condition of its use, hashes of its files, and the packages that need it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def pins(text: str) -> list[Pin]:
    """The packages of a hashed lock, in its order."""
    found = []
    for block in re.split(r"\n(?=[a-z0-9])", text):
        match = PIN.match(block.split("\n")[0])
        if match:
            said = [line.strip(" #") for line in block.split("\n") if line.lstrip().startswith("#")]
            via = [name.removeprefix("via").strip() for name in said]
            found.append(
                Pin(match[1], match[2], match[3] or "", tuple(HASH.findall(block)), tuple(name for name in via if name))
            )
    return found


def component(pin: Pin) -> Component:
    """A package as the bill lists it."""
    url = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        bom_ref=str(url),
        purl=url,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes],
        licenses=[LicenseFactory().make_from_string(text) for text in licence(pin.name)],
        properties=[Property(name="tamscore:marker", value=pin.marker)] if pin.marker else [],
    )


def needs(name: str, pin: Pin) -> bool:
    """Whether the package of a name needs this one."""
    return any(via.split(" ")[0] == name for via in pin.via)


def licence(name: str) -> list[str]:
    """The licence expression of an installed package, empty where it is not installed or has none."""
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    return [found["License-Expression"]] if "License-Expression" in found else []


def bill(text: str, version: str) -> str:
    """The bill of materials of a lock, as JSON."""
    found = pins(text)
    root = Component(type=ComponentType.APPLICATION, name=NAME, version=version, bom_ref=NAME)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{NAME} {version}\n{text}"))
    bom.metadata.component = root
    parts = [component(pin) for pin in found]  # some stand twice: another version for another Python
    bom.components.update(parts)
    for part in (root, *parts):
        bom.register_dependency(part, [one for one, pin in zip(parts, found, strict=True) if needs(part.name, pin)])
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    del written["metadata"]["timestamp"]  # the bill of the same lock is the same bill
    return json.dumps(written, indent=1)


if __name__ == "__main__":
    sys.stdout.write(bill(LOCK.read_text(encoding="utf-8"), metadata.version(NAME)) + "\n")
