"""Group the sites of a model: a network is one node, and so is a site that a loop repeats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rugged_widget.snapshot.model_values import ModelPlate, ModelSite, ModelStructure, SiteRole

FEWEST = 3
"""Sites, or plates, whose names differ by numbers only are a group from so many on."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Group:
    """One site, or several alike ones, that are drawn as one node.

    Attributes
    ----------
    label
        Name of the site, the first and the last one of several, or the name of a network; plain text.
    sites
        The sites, in the order of the model; all of one role.
    plates
        Keys of the plates that they are in, outermost first.
    network
        Whether these are the parameters of a network.
    """

    label: str
    sites: tuple[ModelSite, ...]
    plates: tuple[str, ...]
    network: bool = False

    @property
    def role(self) -> SiteRole:
        """The part of the sites in the model."""
        return self.sites[0].role

    @property
    def distribution(self) -> str:
        """Name of the distribution of the sites; empty where they have none."""
        return self.sites[0].distribution


@dataclass(frozen=True)
class PlateGroup:
    """One plate, or several alike ones: what to call it and its smallest and largest member."""

    label: str
    smallest: ModelPlate
    largest: ModelPlate


@dataclass(frozen=True)
class Groups:
    """The groups of a model, the plates by key, and the arrows between groups by their numbers: (parent, child)."""

    groups: tuple[Group, ...]
    plates: Mapping[str, PlateGroup]
    arrows: tuple[tuple[int, int], ...]


def grouped(structure: ModelStructure) -> Groups:
    """Group the sites and plates of a model; groups are in the order of their first sites."""
    plate_keys = _keys([plate.name for plate in structure.plates])
    members: dict[object, list[ModelSite]] = {}
    patterns = Counter(_kind_of(site, plate_keys) for site in structure.sites if not _network_of(site))
    for site in structure.sites:
        network, kind = _network_of(site), _kind_of(site, plate_keys)
        key: object = ("network", network) if network else kind if patterns[kind] >= FEWEST else site.name
        members.setdefault(key, []).append(site)
    groups = tuple(_group(sites, plate_keys) for sites in members.values())
    number_of = {site.name: number for number, group in enumerate(groups) for site in group.sites}
    arrows = dict.fromkeys(
        (number_of[parent], number_of[site.name])
        for site in structure.sites
        for parent in site.parents
        if parent in number_of
    )
    return Groups(groups, _plates(structure.plates, plate_keys), tuple(arrows))


def _network_of(site: ModelSite) -> str:
    """Return the name of the network that a parameter belongs to: what stands before the name of its layer."""
    if site.role != "parameter":
        return ""
    network, mark, _ = site.name.partition("$$$")
    if mark:
        return network
    network, mark, _ = site.name.partition(".")
    return network if mark else ""


def _pattern(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _keys(names: Sequence[str]) -> dict[str, str]:
    """Return the key of each plate: what a loop repeats has one for all."""
    counts = Counter(map(_pattern, names))
    return {name: _pattern(name) if counts[_pattern(name)] >= FEWEST else name for name in names}


def _kind_of(site: ModelSite, plate_keys: Mapping[str, str]) -> object:
    """Return what alike sites have in common; names without a number are alike to no other."""
    plates = tuple(plate_keys.get(name, name) for name in site.plates)
    return _pattern(site.name), site.role, site.distribution, site.kind, plates


def _group(sites: Sequence[ModelSite], plate_keys: Mapping[str, str]) -> Group:
    network = _network_of(sites[0])
    shared = [plate for plate in sites[0].plates if all(plate in site.plates for site in sites)] if network else None
    plates = sites[0].plates if shared is None else shared
    keys = tuple(dict.fromkeys(plate_keys.get(plate, plate) for plate in plates))
    return Group(network or _span([site.name for site in sites]), tuple(sites), keys, bool(network))


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} {ELLIPSIS} {names[-1]}"


def _plates(plates: Sequence[ModelPlate], keys: Mapping[str, str]) -> dict[str, PlateGroup]:
    members: dict[str, list[ModelPlate]] = {}
    for plate in plates:
        members.setdefault(keys[plate.name], []).append(plate)
    return {
        key: PlateGroup(
            _span([plate.name for plate in alike]),
            min(alike, key=lambda plate: plate.size),
            max(alike, key=lambda plate: plate.size),
        )
        for key, alike in members.items()
    }
