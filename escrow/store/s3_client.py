"""Makes the botocore client of a bucket."""

from functools import cache
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

from escrow.errors import UsageError
from escrow.limits import KIB
from escrow.store.s3_library import errors
from escrow.store.s3_options import S3Options

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from types_boto3_s3 import S3Client

MAX_CONNECTIONS = 16
SMALL = 64 * KIB
"""Bytes of a body that is sent without asking: what a refused one costs the line."""
CONNECT_TIMEOUT = 10
"""Seconds."""
READ_TIMEOUT = 60
"""Seconds without a byte."""
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def connect(options: S3Options) -> "S3Client":
    """A client for the bucket; credentials from botocore's standard chain. Raises UsageError."""
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=MAX_CONNECTIONS,
        s3={
            "addressing_style": "path" if options.path_style else "auto",
            "us_east_1_regional_endpoint": "regional",
            # TLS guards the body on its way, and the signed header with its SHA-256 binds it
            "payload_signing_enabled": _may_be_altered(options.endpoint),
        },
        # every put carries its own SHA-256 and every reader checks the hash in the name
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="escrow",
    )
    with errors(options.describe()):
        core = Session(profile=options.profile)
        core.register_component("data_loader", _models(of_aws=options.endpoint is None))
        default_region = "us-east-1" if options.endpoint else None
        try:
            client = core.create_client(
                "s3",
                region_name=options.region or core.get_config_variable("region") or default_region,
                endpoint_url=options.endpoint,
                verify=options.ca_file,
                config=config,
            )
        except ValueError as error:
            raise UsageError("store-url", f"expected an endpoint like https://host, found {error}") from error
    client.meta.events.register("request-created.s3.PutObject", _send_at_once)
    return cast("S3Client", client)


def _may_be_altered(endpoint: str | None) -> bool:
    """Whether somebody is between this machine and the server, and no TLS keeps them out."""
    parts = urlsplit(endpoint or "https:")
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


class _Models(Loader):
    """botocore's descriptions of services. It takes a folder for a service, and does not look into all 400.

    Of AWS's hosts, which take longer to read than all else, it reads nothing where the server is another's.
    """

    def __init__(self, *, of_aws: bool) -> None:
        super().__init__()
        self._of_aws = of_aws

    def list_available_services(self, type_name: str) -> list[str]:
        folders = (Path(path) for path in self.search_paths)
        return [each.name for folder in folders if folder.is_dir() for each in folder.iterdir()]

    def load_data_with_path(self, name: str) -> tuple[dict[str, object], str]:
        if name == "endpoints" and not self._of_aws:
            return {"partitions": [], "version": 3}, ""
        return super().load_data_with_path(name)


@cache
def _models(*, of_aws: bool) -> Loader:
    """The description of S3, read once for all clients: half of what a second one costs."""
    return _Models(of_aws=of_aws)


def _send_at_once(request: "AWSRequest", **_: object) -> None:
    """Ask no leave (`Expect: 100-continue`) to send a small body: the answer would cost a round trip."""
    if isinstance(request.data, BytesIO):
        size = request.data.seek(0, SEEK_END)  # getbuffer() would copy it
        request.data.seek(0)
        if size <= SMALL:
            del request.headers["Expect"]
