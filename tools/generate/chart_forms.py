"""Describe as JSON Schema what the API server and this project's programs parse: names, labels, amounts, schedules.

What a default's type does not express is chosen by the last key of a value's path (`form_of`). All patterns are RE2's.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_QUALIFIED = rf"^({_DNS_NAME}/)?{_WORD}$"
_PATH = r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
_REGISTRY = r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]+)?"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_DATA_KEY = r"^[-._a-zA-Z0-9]+$"

_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_POSITIVE = r"([0-9]*[1-9][0-9]*\.?[0-9]*|[0-9]*\.[0-9]*[1-9][0-9]*)"
# Without a unit, a number means bytes (`20` is twenty bytes), so at least a megabyte is required.
_BYTES = r"(%s([KMGTPE]i|[kMGTPE]|[eE][0-9]{1,2})|[1-9][0-9]{6,})"
_CPU = "%sm?"

_FIELD = r"(\*|\?|{one}(-{one})?)(/[1-9][0-9]*)?"
_MONTH = "(0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
_WEEKDAY = "([0-6]|(?i:sun|mon|tue|wed|thu|fri|sat))"
_FIELDS = ("[0-5]?[0-9]", "([01]?[0-9]|2[0-3])", "(0?[1-9]|[12][0-9]|3[01])", _MONTH, _WEEKDAY)
_CRON = " +".join("{0}(,{0})*".format(_FIELD.format(one=one)) for one in _FIELDS)

PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_NAME: Schema = {"pattern": f"^({_DNS_NAME})?$", "maxLength": 253}
_GIVEN_NAME: Schema = {"type": "string", "pattern": f"^{_DNS_NAME}$", "maxLength": 253}
_LABELS: Schema = {
    "propertyNames": {"pattern": _QUALIFIED},
    "additionalProperties": {"type": "string", "pattern": f"^({_WORD})?$"},
}
_SIZE: Schema = {"pattern": f"^{_BYTES % _POSITIVE}$"}

_FORMS: dict[str, Schema] = {
    **dict.fromkeys(
        (
            "existingSecret",
            "clientSecret",
            "oidcSecret",
            "backendSecret",
            "tlsSecret",
            "existingClaim",
            "configMap",
            "storageClass",
            "priorityClassName",
            "className",
        ),
        _NAME,
    ),
    "host": {"pattern": rf"^(\*\.)?{_DNS_NAME}$", "maxLength": 253},
    **dict.fromkeys(("labels", "nodeSelector", "clients", "prometheusNamespace"), _LABELS),
    "annotations": {"propertyNames": {"pattern": _QUALIFIED}, "additionalProperties": {"type": "string"}},
    "affinity": {
        "properties": {
            name: {"type": "object"} for name in ("nodeAffinity", "podAffinity", "podAntiAffinity")
        },
        "additionalProperties": False,
    },
    "digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "repository": {"pattern": f"^({_REGISTRY}/)?{_PATH}$"},
    "registry": {"pattern": f"^({_REGISTRY}(/{_PATH})?/?)?$"},
    "tag": {"pattern": "^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$"},
    "schedule": {
        "pattern": "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)"
        rf"|@every ([0-9]+(\.[0-9]+)?(h|m|s))+|{_CRON})$"
    },
    "timeZone": {
        "pattern": r"^([A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*)?$",
        "not": {"pattern": "^(?i:local)$"},
    },
    "size": _SIZE,
    "scratchSize": _SIZE,
    # Compared with what may be stored there, by units of at least a megabyte.
    "spoolSize": {"pattern": f"^{_POSITIVE}([MGT]i?)$"},
}


def form_of(name: str) -> Schema:
    """Return what a value keeps to beside its type, by the last key of its path."""
    return _FORMS.get(name, {})


def _amounts(number: str, *required: str) -> Schema:
    """Return the schema of resource requests or limits."""
    quantity = {"type": ["string", "number"], "exclusiveMinimum" if number == _POSITIVE else "minimum": 0}
    return {
        "type": "object",
        "properties": {
            "cpu": {**quantity, "pattern": f"^{_CPU % number}$"},
            "memory": {**quantity, "pattern": f"^{_BYTES % number}$", "minimum": 1_000_000},
        },
        "patternProperties": {
            # `ephemeral-storage`, `hugepages-2Mi`, `nvidia.com/gpu`
            f"^(ephemeral-storage|hugepages-[0-9]+[KMGT]i|{_DNS_NAME}/{_WORD})$": {
                **quantity,
                "pattern": rf"^{_NUMBER}([KMGTPE]i|[mkMGTPE])?$",
            }
        },
        "required": list(required),
        "additionalProperties": False,
    }


RESOURCES: Schema = {
    "type": "object",
    "properties": {
        "requests": _amounts(_NUMBER, "cpu", "memory"),
        "limits": _amounts(_POSITIVE, "memory"),
    },
    "required": ["requests", "limits"],
    "additionalProperties": False,
}
"""Requests and limits of a container. A limit of the CPU may be taken away (`null`), the others may not."""


def variable(values: dict[str, Schema]) -> Schema:
    """Return the schema of an entry of `extraEnv`, given the schemas of the settings' values by name."""
    key = {"type": "string", "pattern": _DATA_KEY}
    named = {"name": _GIVEN_NAME, "key": key, "optional": {"type": "boolean"}}
    by_key = {
        "type": "object",
        "properties": named,
        "required": ["name", "key"],
        "additionalProperties": False,
    }
    sources = {
        "secretKeyRef": by_key,
        "configMapKeyRef": by_key,
        "fieldRef": {"type": "object", "required": ["fieldPath"]},
        "resourceFieldRef": {"type": "object", "required": ["resource"]},
    }
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$"},
            "value": {"type": "string"},
            "valueFrom": {
                "type": "object",
                "properties": sources,
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        },
        "not": {"required": ["value", "valueFrom"]},
        "additionalProperties": False,
        "allOf": [
            {"if": {"properties": {"name": {"const": name}}}, "then": {"properties": {"value": schema}}}
            for name, schema in values.items()
        ],
    }


def _items(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT: Schema = {"type": "string"}
DEFINITIONS: dict[str, Schema] = {
    "secretName": _items({"name": _GIVEN_NAME}, "name"),
    "toleration": _items(
        {
            "key": {"type": "string", "pattern": f"^$|{_QUALIFIED}"},
            "operator": {"enum": ["Exists", "Equal"]},
            "value": {"type": "string", "pattern": f"^({_WORD})?$"},
            "effect": {"enum": ["", "NoSchedule", "PreferNoSchedule", "NoExecute"]},
            "tolerationSeconds": {"type": "integer"},
        }
    ),
    "gateway": _items(
        {
            **dict.fromkeys(("group", "kind", "sectionName"), _TEXT),
            **dict.fromkeys(("name", "namespace"), _GIVEN_NAME),
            "port": PORT,
        },
        "name",
    ),
    "cidr": {
        "type": "string",
        "pattern": rf"^({_OCTET}\.){{3}}{_OCTET}/([12]?[0-9]|3[0-2])$"
        "|^[0-9a-fA-F:]*:[0-9a-fA-F:]*/(1[01][0-9]|12[0-8]|[1-9]?[0-9])$",
    },
    "port": PORT,
    "egress": _items(
        {
            "to": {
                "type": "array",
                "items": _items(
                    {name: {"type": "object"} for name in ("ipBlock", "namespaceSelector", "podSelector")}
                ),
            },
            "ports": {
                "type": "array",
                "items": _items(
                    {
                        "port": {"anyOf": [PORT, {"type": "string", "pattern": "^[a-z0-9-]{1,15}$"}]},
                        "endPort": PORT,
                        "protocol": {"enum": ["TCP", "UDP", "SCTP"]},
                    }
                ),
            },
        }
    ),
    "secret": {"type": "string", **_NAME},
}
"""What `# @schema` comments of values.yaml refer to."""


def whole(low: int | None, high: int | None) -> str:
    """Return the pattern of an integer in [low, high], as text; None: without that bound."""
    if low is None or low < 0:
        return r"-?[0-9]+"
    if high is None:
        return r"[0-9]+" if low == 0 else _at_least(low)
    return f"0*({'|'.join(_ranges(low, high))})"


def _at_least(low: int) -> str:
    digits = len(str(low))
    return f"0*({'|'.join([*_ranges(low, 10**digits - 1), f'[1-9][0-9]{{{digits},}}'])})"


def _ranges(low: int, high: int) -> list[str]:
    """Return patterns that together match the integers in [low, high], each of integers with as many digits."""
    found = []
    while low <= high:
        # The largest block of integers that starts here, ends in nines, and stays within.
        size = 1
        while low % (size * 10) == 0 and low + size * 10 - 1 <= high and (low > 0 or size == 0):
            size *= 10
        free = len(str(size)) - 1
        first = low // size
        last = min(first // 10 * 10 + 9, (high + 1) // size - 1)
        head, tail = str(first)[:-1], f"[{first % 10}-{last % 10}]" if last > first else str(first % 10)
        found.append(head + tail + "[0-9]" * free)
        low = (last + 1) * size
    return found


def decimal(low: float | None, is_open: bool, high: float | None) -> str:
    """Return the pattern of a number as text: its sign, whether it may be zero, and whether it is at most 1.

    Args:
        low: lower bound; None: none.
        is_open: whether the lower bound itself is excluded.
        high: upper bound; bounds other than 1 are checked when the program starts.
    """
    if low is None or low < 0:
        return rf"-?{_NUMBER}([eE][-+]?[0-9]{{1,2}})?"
    number = _POSITIVE if low > 0 or is_open else _NUMBER
    if high is not None and high <= 1:
        return (
            r"(0*1(\.0*)?|0*\.[0-9]*[1-9][0-9]*)" if number == _POSITIVE else r"((0+|0*1)(\.0*)?|0*\.[0-9]+)"
        )
    return rf"{number}([eE][-+]?[0-9]{{1,2}})?"
