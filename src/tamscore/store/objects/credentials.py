"""Credentials that obstore does not find by itself: AWS profiles and SSO, Google's federated ones, logins of Azure.

The library of each cloud finds them by its own rules, through the provider that obstore has for it. Where the plain
variables of a store are set, or a file holds what obstore reads itself, it needs none.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from tamscore.errors import UsageError, first_line, without_secrets
from tamscore.optional_packages import with_extra

_EXTRA = "cloud-credentials"
AWS_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
GOOGLE_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_READ_BY_OBSTORE = {"service_account", "authorized_user"}
"""The types of Google's credential files that need no provider."""
AZURE_KEYS = (
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    *("AZURE_STORAGE_TOKEN", "AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"),
    *("AZURE_STORAGE_USE_EMULATOR", "AZURE_SKIP_SIGNATURE", "MSI_ENDPOINT", "IDENTITY_ENDPOINT"),
)


def provider_for(url: str) -> Any:
    """Return what gives obstore the credentials for an address, asked once to see that it works; None to let it look.

    Raise UsageError if the package for them is missing, or they cannot be had.
    """
    scheme = url.partition("://")[0]
    if scheme == "s3" and _wants_aws():
        return _ask(url, "boto3", "Boto3CredentialProvider", must="AWS_PROFILE" in os.environ)
    if scheme == "gs" and _google_type() not in {None, *_READ_BY_OBSTORE}:
        return _ask(url, "google", "GoogleCredentialProvider", must=True)
    if scheme.startswith("abfs") and not any(name in os.environ for name in AZURE_KEYS):
        return _ask(url, "azure", "AzureCredentialProvider", must=False)
    return None


def _wants_aws() -> bool:
    """Return whether AWS credentials may come from a profile: no key is set, and a profile or a file with some is."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return False
    files = (Path(os.environ.get(name, place)).expanduser() for name, place in AWS_FILES.items())
    return "AWS_PROFILE" in os.environ or any(file.is_file() for file in files)


def _google_type() -> str | None:
    """Return the type that the file with Google's credentials says it is of, None without one that says so."""
    try:
        record = json.loads(Path(os.environ.get(GOOGLE_FILE, "")).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(record["type"]) if isinstance(record, dict) and "type" in record else None


def _ask(url: str, module: str, name: str, *, must: bool) -> Any:
    """Return a provider of obstore that has given credentials; None without its package, unless one `must` be there."""
    try:
        kind = getattr(import_module(f"obstore.auth.{module}"), name)
    except ImportError as error:
        if not must:
            return None
        raise UsageError(
            f"{url}: its credentials are read by the package {error.name!r}, which is not installed; "
            f"{with_extra(_EXTRA)}, or set the credentials themselves in the environment"
        ) from error
    try:
        provider = kind()
        provider()
    except Exception as error:  # noqa: BLE001 - the library of each cloud raises its own
        if not must:
            return None
        raise UsageError(
            f"{url}: no credentials: {without_secrets(first_line(error))}; log in again, or set them in the environment"
        ) from None
    return provider


def plain_aws(url: str) -> dict[str, str]:
    """Return the credentials of a profile by the names that deltalake takes, empty where it finds them itself."""
    provider = provider_for(url) if url.startswith("s3://") else None
    if provider is None:
        return {}
    given = provider()
    record = {
        "aws_access_key_id": given["access_key_id"],
        "aws_secret_access_key": given["secret_access_key"],
        "aws_session_token": given.get("token"),
        "aws_region": provider.config.get("region"),
    }
    return {name: str(value) for name, value in record.items() if value}
