"""Makes the boto3 client of a bucket."""

from functools import cache
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.loaders import Loader, create_loader
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


def connect(options: S3Options) -> "S3Client":
    """A client for the bucket; credentials from boto3's standard chain. Raises UsageError."""
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=MAX_CONNECTIONS,
        s3={
            "addressing_style": "path" if options.path_style else "auto",
            # TLS guards the body on its way, and the signed header with its SHA-256 binds it
            "payload_signing_enabled": (options.endpoint or "https:").startswith("http:"),
        },
        # every put carries its own SHA-256 and every reader checks the hash in the name
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="escrow",
    )
    with errors(options.describe()):
        core = Session(profile=options.profile)
        core.register_component("data_loader", _models())
        session = boto3.Session(botocore_session=core)
        default_region = "us-east-1" if options.endpoint else None
        try:
            client: S3Client = session.client(
                "s3",
                region_name=options.region or session.region_name or default_region,
                endpoint_url=options.endpoint,
                verify=options.ca_file,
                config=config,
            )
        except ValueError as error:
            raise UsageError("store-url", f"expected an endpoint like https://host, found {error}") from error
    client.meta.events.register("request-created.s3.PutObject", _send_at_once)
    return client


@cache
def _models() -> Loader:
    """boto3's description of S3, read once for all clients: half of what a second one costs."""
    return create_loader()


def _send_at_once(request: "AWSRequest", **_: object) -> None:
    """Ask no leave (`Expect: 100-continue`) to send a small body: the answer would cost a round trip."""
    if isinstance(request.data, BytesIO):
        size = request.data.seek(0, SEEK_END)  # getbuffer() would copy it
        request.data.seek(0)
        if size <= SMALL:
            del request.headers["Expect"]
