"""What the errors of botocore and the HTTP library below mean; beside s3.py alone in importing these."""

import base64
import contextlib
from collections.abc import Iterator

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from escrow.errors import StoreError, UnreachableError, UsageError
from escrow.store.s3_errors import from_answer, is_unreadable, unreadable

_LIBRARY_ERRORS = (boto.BotoCoreError, boto.ClientError, ResponseParserError, HTTPError)
_NETWORK = (
    *(boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, boto.CapacityNotAvailableError),
    *(boto.ChecksumError, boto.FlexibleChecksumError, ResponseParserError, HTTPError),
)
_CREDENTIALS = (
    *(boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.ProfileNotFound),
    *(boto.NoAuthTokenError, boto.TokenRetrievalError, boto.SSOError, boto.LoginError),
    *(boto.RefreshWithMFAUnsupportedError, boto.MetadataRetrievalError),
)


@contextlib.contextmanager
def errors(what: str) -> Iterator[None]:
    """Turn an error of these libraries into the escrow error that says what to do; `what` names the object."""
    try:
        yield
    except _LIBRARY_ERRORS as error:
        raise translate(what, error) from error
    except (KeyError, ValueError) as error:
        hint = "check that the endpoint is an S3 server"
        raise UnreachableError("store-answer", f"{what}: the answer makes no sense ({error!r})", hint=hint) from error


def translate(what: str, error: Exception) -> StoreError | UsageError:
    """The escrow error for any error of botocore or the HTTP library below; `what` names the object."""
    if isinstance(error, boto.ClientError):
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        details = answer.get("Error", {})
        code, message = details.get("Code") or "", details.get("Message") or ""
        if error.operation_name == "GetObject" and is_unreadable(code, message):
            return unreadable(what, code)
        return from_answer(what, status, code, message)
    name = type(error).__name__
    if isinstance(error, boto.SSLError):
        hint = "check the certificate; give the authority's file as ca_file"
        return UnreachableError("store-tls", f"{what}: no trusted connection ({error})", hint=hint)
    if isinstance(error, _CREDENTIALS):
        hint = "give credentials as AWS's tools expect them (environment, profile or role)"
        return UsageError(
            "store-credentials", f"{what}: expected credentials, found none that work ({name})", hint=hint
        )
    if isinstance(error, _NETWORK):
        hint = "check the network and the endpoint"
        return UnreachableError("store-unreachable", f"{what}: the store does not answer ({name})", hint=hint)
    hint = "check bucket, region, endpoint and profile"
    return UsageError("store-config", f"{what}: the S3 client refuses the request ({name}: {error})", hint=hint)


def refuse_redirects(context: dict[str, dict[str, object]], **_: object) -> None:
    """Keep botocore from asking for the bucket's region after a redirect, without end where that is redirected too."""
    context.setdefault("s3_redirect", {})["redirected"] = True


def hex_of(claim: str | None) -> str | None:
    """A whole-object SHA-256 in hex; None for none, or for a multipart's hash of hashes (it has a "-")."""
    return None if claim is None or "-" in claim else base64.b64decode(claim, validate=True).hex()
