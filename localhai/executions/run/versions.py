"""What outputs say about datasets and models, as requests for versions (platform.md 5). Pure.

Several files that name one version all join it; what one of them says of the version counts for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from localhai.records import new_id
from localhai.records.versions import VersionRequest
from localhai.vocabulary import has_scheme, version_uri, without_scheme

if TYPE_CHECKING:
    from localhai.data.sidecars import DatasetVersion, ModelVersion, OutputProperties
    from localhai.records import DatumRecord
    from localhai.records.versions import Noun


class _Wish(Struct):
    """One version, as far as the outputs until now have spoken of it."""

    noun: Noun
    name: str
    version: str | None
    files: dict[str, str] = field(default_factory=dict)
    base: tuple[str, str] | None = None
    start_fresh: bool = False
    exclude: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    packaging: bool = False
    release_note: str | None = None

    @property
    def uri(self) -> str:
        return version_uri(self.noun, self.name, self.version or "")

    def request(self) -> VersionRequest:
        return VersionRequest(
            id=new_id(),
            noun=self.noun,
            name=self.name,
            version=self.version,
            files=tuple(self.files.values()),
            base=None if self.start_fresh else self.base,
            exclude=tuple(dict.fromkeys(self.exclude)),
            aliases=tuple(dict.fromkeys(self.aliases)),
            tags=tuple(dict.fromkeys(self.tags)),
            packaging=self.packaging,
            release_note=self.release_note,
        )


def requests(
    outputs: Iterable[tuple[DatumRecord, OutputProperties | None]],
) -> tuple[tuple[VersionRequest, ...], tuple[str, ...]]:
    """The versions that outputs ask for, in the order of their first files, and what is wrong, as sentences."""
    wishes: dict[str, _Wish] = {}
    warnings: dict[str, None] = {}
    for datum, properties in outputs:
        if properties is None:
            continue
        joined = [_of_dataset(item, wishes, warnings) for item in properties.dataset_versions]
        joined += [_of_model(item, wishes, warnings) for item in properties.model_versions]
        for wish in joined:
            wish.files[datum.name] = datum.id  # of a file that was uploaded twice, the last
    for wish in wishes.values():
        if wish.packaging:
            warnings[f"{wish.uri}: packaging makes no difference here: inputs get the same files from single ones"] = (
                None
            )
    return tuple(wish.request() for wish in wishes.values()), tuple(warnings)


def base_of(text: str, dataset: str) -> tuple[str, str] | None:
    """`from` of a dataset version: `dataset://NAME/VERSION`, or a version of the same dataset. None: it is neither."""
    parts = without_scheme(text, "dataset").split("/") if has_scheme(text, "dataset") else [dataset, text]
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else None  # noqa: PLR2004 - NAME and VERSION


def _wish(wishes: dict[str, _Wish], noun: Noun, name: str, version: str | None) -> _Wish:
    wish = _Wish(noun, name, version)
    return wishes.setdefault(wish.uri, wish)


def _of_dataset(item: DatasetVersion, wishes: dict[str, _Wish], warnings: dict[str, None]) -> _Wish:
    name, _, version = without_scheme(item.uri, "dataset").partition("/")
    wish = _wish(wishes, "dataset", name, version)
    if item.base is not None:
        base = base_of(item.base, name)
        if base is None:
            warnings[f"{wish.uri}: from: dataset://NAME/VERSION is needed, not {item.base!r}: left out"] = None
        elif wish.base not in {None, base}:
            warnings[f"{wish.uri}: its files name different versions to start from: the first one counts"] = None
        wish.base = wish.base or base
    wish.start_fresh |= item.start_fresh
    wish.packaging |= item.packaging
    wish.exclude += item.exclude
    wish.tags += item.tags
    for alias in item.targeting_aliases:
        own = alias.removeprefix(version_uri("dataset", name))
        if not own or "/" in own:
            warnings[f"{wish.uri}: targeting_aliases: {alias!r} is no alias of {name}: left out"] = None
        else:
            wish.aliases.append(own)
    return wish


def _of_model(item: ModelVersion, wishes: dict[str, _Wish], warnings: dict[str, None]) -> _Wish:
    name, _, version = without_scheme(item.uri, "model").rstrip("/").partition("/")
    if "/" in version:
        warnings[f"{item.uri}: model://NAME/ or model://NAME/VERSION is needed"] = None
        version = version.split("/")[0]
    wish = _wish(wishes, "model", name, version or None)
    wish.tags += item.tags
    wish.release_note = wish.release_note or item.release_note
    return wish
