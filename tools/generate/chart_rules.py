"""Express contradictions between the chart's values as JSON Schema: what one value's own schema cannot express."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_GIVEN: Schema = {"minLength": 1}
_EMPTY: Schema = {"maxLength": 0}


def _at(path: str, schema: Schema) -> Schema:
    """Return a schema of the values in which the value at a dotted path keeps to a schema."""
    for key in reversed(path.split(".")):
        schema = {"properties": {key: schema}}
    return schema


def _all(**schemas: Schema) -> list[Schema]:
    return [_at(path.replace("__", "."), schema) for path, schema in schemas.items()]


def _where(condition: Schema, *consequences: Schema) -> Schema:
    return {"if": condition, "then": {"allOf": list(consequences)}}


_CORPUS = {"anyOf": _all(corpus__configMap=_GIVEN, corpus__existingClaim=_GIVEN, corpus__storeKey=_GIVEN)}
_VOLUME = {"anyOf": _all(corpus__configMap=_GIVEN, corpus__existingClaim=_GIVEN)}

CONTRADICTIONS: list[Schema] = [
    # One source.
    _where(_at("corpus.configMap", _GIVEN), *_all(corpus__existingClaim=_EMPTY, corpus__storeKey=_EMPTY)),
    _where(_at("corpus.existingClaim", _GIVEN), *_all(corpus__storeKey=_EMPTY)),
    # A file within a volume; an object of the store has none.
    _where(_VOLUME, _at("corpus.path", _GIVEN)),
    _where({"not": _VOLUME}, _at("corpus.path", _EMPTY)),
    # Without a corpus, nothing about one.
    _where(
        {"not": _CORPUS},
        *_all(corpus__replies=_EMPTY, corpus__messageColumn=_EMPTY, corpus__intentColumn=_EMPTY),
    ),
    # The bootstrap Job trains it, and rolls it out as a retraining does.
    _where(
        _CORPUS,
        *(
            _at(path, {"const": True})
            for path in ("bootstrap.enabled", "bootstrap.register", "api.enabled", "retrain.enabled")
        ),
    ),
    _where({"allOf": [_CORPUS, _at("mlflow.enabled", {"const": False})]}, _at("mlflow.url", _GIVEN)),
]
