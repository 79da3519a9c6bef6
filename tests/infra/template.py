"""Reads infra/aws/*.yaml and puts values in place of Ref, Fn::GetAtt (Arn), Fn::Sub and Fn::If."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfn_flip import to_json  # type: ignore[import-untyped]

from infra.policies import Statement
from tests.layers import ROOT

FOLDER = ROOT / "infra" / "aws"
ACCOUNT = "123456789012"
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": "eu-west-2"}
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:eu-west-2:" + ACCOUNT + ":log-group:{}:*",
    "AWS::IAM::User": "arn:aws:iam::" + ACCOUNT + ":user/{}",
    "AWS::IAM::Role": "arn:aws:iam::" + ACCOUNT + ":role/{}",
}


@dataclass(frozen=True)
class Stack:
    """A template with its parameters; `names` are physical ids by logical id."""

    template: dict[str, Any]
    parameters: Mapping[str, str]
    names: Mapping[str, str]

    def properties(self, logical: str) -> dict[str, Any]:
        """A resource's properties, resolved."""
        found = self.resolve(self.template["Resources"][logical]["Properties"])
        assert isinstance(found, dict)
        return found

    def arn(self, logical: str) -> str:
        return ARNS[self.template["Resources"][logical]["Type"]].format(self.names[logical])

    def identity(self, logical: str) -> Statement:
        """The one inline policy of a user or role."""
        (policy,) = self.properties(logical)["Policies"]
        document: Statement = policy["PolicyDocument"]
        return document

    def bucket_policy(self) -> Statement:
        document: Statement = self.properties("VaultPolicy")["PolicyDocument"]
        return document

    def resolve(self, value: object) -> object:
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            match function:
                case "Ref":
                    return self._value(argument)
                case "Fn::GetAtt":
                    return self._value(".".join(argument))
                case "Fn::Sub":
                    return re.sub(r"\$\{([^}]+)\}", lambda found: self._value(found[1]), argument)
                case "Fn::If":
                    return self.resolve(argument[1 if self.parameters["TrustedPrincipal"] == "" else 2])
        return {key: self.resolve(each) for key, each in value.items()}

    def _value(self, name: str) -> str:
        if name.endswith(".Arn"):
            return self.arn(name.removesuffix(".Arn"))
        return {**PSEUDO, **self.parameters, **self.names}[name]


def load(name: str) -> dict[str, Any]:
    """A template in its long form."""
    found: dict[str, Any] = json.loads(to_json((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    return found
