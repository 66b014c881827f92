"""Credentials of object stores: which are found where; those that only the library of a cloud finds come from there."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from tamscore.errors import UsageError
from tamscore.store.objects import credentials

pytest.importorskip("obstore", reason="object storage is an extra")
pytest.importorskip("boto3", reason="the server of the tests comes with it")
NAMES = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
S3, GOOGLE, AZURE = "s3://bucket", "gs://bucket", "abfs://container@account.dfs.core.windows.net"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """An environment without credentials of any cloud, and a home without files."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", credentials.GOOGLE_FILE):
        monkeypatch.delenv(name, raising=False)
    for name in credentials.AZURE_KEYS:
        monkeypatch.delenv(name, raising=False)
    for name in credentials.AWS_FILES:
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def profile(folder, **settings):
    lines = [f"{key} = {value}" for key, value in settings.items()]
    (folder / "AWS_SHARED_CREDENTIALS_FILE").write_text("\n".join(["[sales]", *lines]), encoding="utf-8")


def test_a_profile_gives_its_keys(tmp_path, monkeypatch):
    profile(tmp_path, **dict(zip(NAMES, ("of-profile", "canary", "t"), strict=True)))
    monkeypatch.setenv("AWS_PROFILE", "sales")
    given = credentials.provider_for(S3)()
    assert (given["access_key_id"], given["secret_access_key"], given["token"]) == ("of-profile", "canary", "t")
    assert credentials.plain_aws(S3)["aws_access_key_id"] == "of-profile"


def test_a_program_that_a_profile_names_gives_them(tmp_path, monkeypatch):
    answer = json.dumps({"Version": 1, "AccessKeyId": "of-program", "SecretAccessKey": "canary"})
    (tmp_path / "answer.json").write_text(answer, encoding="utf-8")
    profile(tmp_path, credential_process=f"cat {tmp_path / 'answer.json'}")
    monkeypatch.setenv("AWS_PROFILE", "sales")
    assert credentials.provider_for(S3)()["access_key_id"] == "of-program"


def test_keys_in_the_environment_win_over_a_profile(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no such profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    assert credentials.provider_for(S3) is None
    assert credentials.plain_aws(S3) == {}


def test_without_files_and_profile_obstore_looks_itself():
    assert [credentials.provider_for(url) for url in (S3, GOOGLE, AZURE)] == [None] * 3


def test_a_profile_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match=r"s3://bucket: no credentials: .*nobody.*log in again"):
        credentials.provider_for(S3)


def test_a_login_that_has_expired_is_reported(tmp_path, monkeypatch):
    """SSO itself needs a browser and AWS; a profile that nobody has logged in with is refused before a run."""
    (tmp_path / "AWS_CONFIG_FILE").write_text(
        "[profile sales]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = reader\nregion = eu-west-1\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_PROFILE", "sales")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"no credentials: .*(SSO|sso).*log in again"):
        credentials.provider_for(S3)


@pytest.mark.parametrize(("kind", "is_asked"), [("service_account", False), ("external_account", True)])
def test_files_of_google_that_obstore_does_not_read_go_to_the_library_of_google(tmp_path, monkeypatch, kind, is_asked):
    (tmp_path / "google.json").write_text(json.dumps({"type": kind}), encoding="utf-8")
    monkeypatch.setenv(credentials.GOOGLE_FILE, str(tmp_path / "google.json"))
    provider = SimpleNamespace(GoogleCredentialProvider=lambda: lambda: {"token": "t"})
    monkeypatch.setitem(sys.modules, "obstore.auth.google", provider)
    assert (credentials.provider_for(GOOGLE) is not None) == is_asked


def test_a_login_of_azure_is_asked_for_where_no_key_is_set(monkeypatch):
    provider = SimpleNamespace(AzureCredentialProvider=lambda: lambda: {"token": "t"})
    monkeypatch.setitem(sys.modules, "obstore.auth.azure", provider)
    assert credentials.provider_for(AZURE) is not None
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "key")
    assert credentials.provider_for(AZURE) is None


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "sales")
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)
    with pytest.raises(UsageError, match=r"package 'obstore\.auth\.boto3'.*\[cloud-credentials\]"):
        credentials.provider_for(S3)
