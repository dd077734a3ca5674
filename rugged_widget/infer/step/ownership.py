"""Keep what a user brings to a fit, such as trained networks, apart from what the fit makes of it.

Model and guide hold modules, and the modules and Pyro's parameter store hold tensors. A fit computes with the same
objects, because closures, optimizers and captured graphs refer to them, but with contents of its own: attributes of
modules and memory of tensors. They are installed while the fit computes, and those of the user come back afterwards.
Only references are exchanged, so that the cost does not depend on the size of the tensors.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyro
import torch
from pyro.infer.autoguide import AutoGuide
from pyro.nn import PyroModule
from pyro.poutine.messenger import Messenger
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from rugged_widget.infer.step.contents import SIMPLE, owners, reached
from rugged_widget.infer.step.module_state import (
    ABSENT,
    Attributes,
    Content,
    Copies,
    Kept,
    ModuleState,
    Params,
    changed_names,
    copied_attributes,
    copied_params,
    copied_value,
    install_attributes,
    modules_in,
    present_params,
    separable,
    separable_tensors,
    submodules,
    tensors_in,
    untouched,
    written_in,
)


class Ownership:
    """The modules and the parameter store that a user brings to fits, as they were when this was made.

    An object whose methods model and guide are, or that is called as one, counts as a module does, with its attributes.

    Every fit that is given it begins from there, whatever fits and the user have made of them since. Numbers, texts
    and data that the user sets as attributes of a module count from then on, also in a fit that trains.

    Parameters
    ----------
    things
        Model, guide, and whatever else steps use, such as a loss or arguments that are modules: functions, methods,
        modules or objects. The modules that they lead to are owned.

    Attributes
    ----------
    loose
        Tensors that are the user's though they lie in no module, such as one that a closure holds.
    given_params
        Parameters that the user's store has got from fits, by name.
    """

    def __init__(self, *things: object) -> None:
        self.has_given = False
        modules, tensors = reached(things)
        holders = filter(separable, [*modules, *owners(things)])
        self._params = copied_params(present_params())
        self._attributes = [(holder, copied_attributes(vars(holder))) for holder in holders]
        self._initial = WeakTensorKeyDictionary()
        self.loose = WeakTensorKeyDictionary(dict.fromkeys(separable_tensors(tensors), True))
        self._given: dict[tuple[int, str], object] = {}
        self._given_tensors = WeakTensorKeyDictionary()
        self.given_params: dict[str, torch.Tensor] = {}
        with torch.inference_mode(mode=False):
            for tensor in separable_tensors(self._params[0].values()):
                self.remember(tensor)
            for tensor in tensors_in(attributes for _, attributes in self._attributes):
                self.remember(tensor)

    def __repr__(self) -> str:
        return f"Ownership({len(self._attributes)} modules, {len(self._initial)} tensors)"

    @property
    def tensors(self) -> list[torch.Tensor]:
        """The tensors that fits have values of their own for."""
        return list(self._initial)

    def begin(self) -> "OwnState":
        """Return a state for one fit, equal to what the user brought."""
        modules = [_Owned(module, copied_attributes(attributes)) for module, attributes in self._attributes]
        with torch.inference_mode(mode=False):
            tensors = [_OwnedTensor(tensor, own.copied(), Content.of(tensor)) for tensor, own in self._initial.items()]
            copies = Copies(Kept(tensor, own) for tensor, own in self._initial.items())
        return OwnState(self, modules, tensors, copied_params(self._params), copies)

    def take_back(self) -> None:
        """Give the user what he brought, in place of what fits have given him since, while none computes."""
        if self.has_given:
            self.begin().hand_over(copied_params(self._params))

    def remember(self, tensor: torch.Tensor) -> None:
        """Copy what a tensor holds now, which is what every fit begins with, unless it is known already."""
        if tensor not in self._initial:
            self._initial[tensor] = Content.of(tensor).copied()

    def follow(self, module: object, name: str, value: object) -> None:
        """Let fits begin with another attribute of a module."""
        for owned, attributes in self._attributes:
            if owned is module:
                attributes[name] = value

    def was_given(self, module: object, name: str, value: object) -> bool:
        """Return whether the value of an attribute came from a fit."""
        return _alike(self._given.get((id(module), name), ABSENT), value)

    def to_give(self, module: object, attributes: Attributes) -> set[str]:
        """Return the attributes in which a module differs from what the user brought, or has since it got a fit's."""
        initial = next((attributes for owned, attributes in self._attributes if owned is module), None)
        if initial is None:  # the fit has made it: what it gives is noted there, and goes with the fit
            return {*attributes}
        given = {name for key, name in self._given if key == id(module)}
        names = given | changed_names(initial, attributes)
        self._given.update({(id(module), name): attributes.get(name, ABSENT) for name in names})
        return names

    def is_to_give(self, tensor: torch.Tensor, content: Content) -> bool:
        """Return whether a tensor differs from what the user brought, or has since it got a fit's values."""
        initial = self._initial.get(tensor)
        if tensor not in self._given_tensors and initial is not None and content.equals(initial):
            return False
        self._given_tensors[tensor] = True
        return True

    def no_longer_given(self, users: Mapping[str, torch.Tensor], kept: Collection[str]) -> list[str]:
        """Return the names in the user's store that are still what an earlier fit gave, and are not to be kept."""
        gone = [name for name in self.given_params if name not in kept]
        given = {name: self.given_params.pop(name) for name in gone}
        return [name for name, tensor in given.items() if users.get(name) is tensor]

    def has_left(self, name: str, tensor: torch.Tensor) -> bool:
        """Return whether a parameter is as the user brought it, and no fit has given him another value of it."""
        return tensor is self._params[0].get(name) and tensor not in self._given_tensors


class _Owned:
    """A module, or another object of the user's, with the attributes that it has in one fit.

    What the user sets is followed, but for automatic guides, which set themselves up, and for torch's own layers.
    """

    def __init__(self, module: object, attributes: Attributes) -> None:
        self.module, self.attributes = module, attributes
        self._follows = not isinstance(module, AutoGuide) and not type(module).__module__.startswith("torch.")
        self._seen = _settings(attributes) if self._follows else {}
        self.given: Attributes = {}

    def follow(self, ownership: Ownership) -> None:
        """Take over what the user has set, but not what the fit has set itself; the user's attributes are installed."""
        if not self._follows:
            return
        now = _settings(vars(self.module))
        for name, value in now.items():
            before = self._seen.get(name, ABSENT)
            was_given = ownership.was_given(self.module, name, value) or _alike(self.given.get(name, ABSENT), value)
            if _alike(value, before) or was_given:
                continue
            if _alike(self.attributes.get(name, ABSENT), before):
                self.attributes[name] = value
                ownership.follow(self.module, name, value)
        self._seen = now


def _settings(attributes: Attributes) -> Attributes:
    kinds = (*SIMPLE, torch.Tensor)
    return {name: value for name, value in attributes.items() if isinstance(value, kinds) and name != "training"}


def _counts(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if isinstance(value, (bool, int, float))}


def _alike(one: object, other: object) -> bool:
    return one is other or (isinstance(one, SIMPLE) and isinstance(other, SIMPLE) and one == other)


class _OwnedTensor:
    """A tensor with what it holds in one fit, and what it holds for the user."""

    __slots__ = ("own", "tensor", "users")

    def __init__(self, tensor: torch.Tensor, own: Content, users: Content) -> None:
        self.tensor, self.own, self.users = tensor, own, users


class OwnState:
    """What one fit makes of the user's modules and parameters; see `Ownership`.

    Four methods exchange contents, each of which bears being done twice: `leave_user` and `install` on the way in,
    `keep` and `restore` on the way out.

    Attributes
    ----------
    params
        The parameter store that the fit begins with.
    registering
        A handler of Pyro's to compute under: it sees tensors of the user's become parameters of the fit.
    guide
        The fit's guide, once there is one.
    used
        Names of the parameters that have been asked for.
    """

    def __init__(
        self,
        ownership: Ownership,
        modules: list[_Owned],
        tensors: list[_OwnedTensor],
        params: Params,
        copies: Copies,
    ) -> None:
        self._ownership, self.params, self._copies = ownership, params, copies
        self._brought, self.used = frozenset(params[0]), set[str]()
        self._modules = modules
        self._tensors = {id(owned.tensor): owned for owned in tensors}
        self._users: list[tuple[object, Attributes]] = []
        self._made = WeakTensorKeyDictionary()
        self.registering: Messenger = _Registering(self)
        self.guide: object = None

    def __repr__(self) -> str:
        return f"OwnState({len(self._modules)} modules, {len(self._tensors)} tensors)"

    @property
    def unused(self) -> frozenset[str]:
        """Names of the parameters that the user brought and neither model nor guide has asked for as yet."""
        return self._brought - self.used

    def leave_user(self) -> None:
        """Take hold of what the user has."""
        for owned in self._modules:
            owned.follow(self._ownership)
        self._users = [(owned.module, vars(owned.module)) for owned in self._modules]
        for held in self._tensors.values():
            held.users = held.users.refreshed(held.tensor)

    def install(self) -> None:
        """Put what the fit has into modules and tensors."""
        for owned in self._modules:
            install_attributes(owned.module, owned.attributes)
        for held in self._tensors.values():
            held.own.install(held.tensor)

    def keep(self) -> None:
        """Take hold of what the fit has; the attributes of modules are held anyway, but those of variables are not."""
        for owned in self._modules:
            owned.attributes = vars(owned.module)
        for held in self._tensors.values():
            held.own = held.own.refreshed(held.tensor)

    def restore(self) -> None:
        """Put what the user has into modules and tensors."""
        for module, attributes in self._users:
            install_attributes(module, attributes)
        for held in self._tensors.values():
            held.users.install(held.tensor)

    def register(self, tensor: torch.Tensor) -> None:
        """Own a tensor of the user's from now on that is about to become a parameter, while the fit computes."""
        if id(tensor) in self._tensors or not (tensor in self._ownership.loose or self._is_strange(tensor)):
            return
        self._ownership.remember(tensor)
        users = Content.of(tensor)
        own = users.copied()
        self._tensors[id(tensor)] = _OwnedTensor(tensor, own, users)
        own.install(tensor)

    def _is_strange(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is a parameter of a module that neither was found nor has been made by the fit."""
        if not isinstance(tensor, nn.Parameter) or tensor in self._made:
            return False
        made = [*(owned.attributes for owned in self._modules), *(vars(module) for module in self._unowned())]
        self._made.update(dict.fromkeys(tensors_in(made), True))
        return tensor not in self._made

    def looking(self) -> AbstractContextManager[None]:
        """Enter, while the fit computes, to call model and guide without a trace: it ends where it began.

        Attributes of modules, buffers and the parameters that there are come back; random numbers do not.
        """
        return untouched(self._all_modules(), self._copies, called=False)

    @contextmanager
    def unmoved(self) -> Iterator[None]:
        """Enter, while the fit computes, to call model and guide without an effect on buffers and counters.

        What a guide makes when it is first called stays.
        """
        modules = self._all_modules()
        buffers = self._copies.of(written_in(modules))
        numbers = [(vars(module), _counts(vars(module))) for module in modules if not isinstance(module, AutoGuide)]
        try:
            yield
        finally:
            for attributes, before in numbers:
                attributes.update(before)
            for buffer in buffers:
                buffer.undo()

    def checkpoint(self) -> ModuleState:
        """Copy, while the fit computes, what steps change in modules beside parameters."""
        return ModuleState.of(self._all_modules(), self._copies)

    def _all_modules(self) -> list[object]:
        modules = [*(owned.module for owned in self._modules), *submodules(self.guide)]
        return list({id(module): module for module in modules}.values())

    @torch.inference_mode(mode=False)
    def hand_over(self, params: Params) -> None:
        """Give the user what the fit has, while it does not compute.

        Modules get its attributes and values, and so does the guide, which is set up then; the present parameter store
        gets its parameters, in place of those that other fits have given it. What the fit has left as the user brought
        it stays as the user has it now.

        Parameters
        ----------
        params
            The parameter store of the fit.
        """
        self._ownership.has_given = True
        for module in self._unowned():
            self._share(module)
        for owned in self._modules:
            self._give_attributes(owned)
        for held in self._tensors.values():
            if self._ownership.is_to_give(held.tensor, held.own):
                held.own.write(held.tensor)
        self._give_params(params)

    def _unowned(self) -> Iterator[nn.Module]:
        """Yield modules that the fit has made, as an automatic guide makes some when it is set up."""
        known = {id(owned.module) for owned in self._modules}
        queue = [module for owned in self._modules for module in modules_in(owned.attributes)]
        queue += [self.guide] if isinstance(self.guide, nn.Module) else []
        while queue:
            module = queue.pop()
            if id(module) not in known and separable(module):
                known.add(id(module))
                yield module
                queue += modules_in(vars(module))

    def _share(self, module: nn.Module) -> None:
        """Let the user have a module of the fit's, with contents of his own from now on."""
        owned = _Owned(module, vars(module))
        self._modules.append(owned)
        install_attributes(module, copied_attributes(owned.attributes))
        for tensor in tensors_in([owned.attributes]):
            self._share_tensor(tensor)

    def _share_tensor(self, tensor: torch.Tensor) -> None:
        if id(tensor) not in self._tensors:
            own = Content.of(tensor)
            users = own.copied()
            users.install(tensor)
            self._tensors[id(tensor)] = _OwnedTensor(tensor, own, users)

    def _give_attributes(self, owned: _Owned) -> None:
        users = vars(owned.module)
        names = self._ownership.to_give(owned.module, owned.attributes) | owned.given.keys()
        owned.given = {name: owned.attributes.get(name, ABSENT) for name in names}
        for name in names:
            if name in owned.attributes:
                users[name] = copied_value(owned.attributes[name])
            else:
                users.pop(name, None)
        for tensor in tensors_in([owned.attributes]):
            self._share_tensor(tensor)

    def _give_params(self, params: Params) -> None:
        tensors, _, constraints = params
        users, names, users_constraints = present_params()
        local = set(map(id, self._local_tensors()))
        for name, tensor in tensors.items():
            self._share_tensor(tensor)
            if id(tensor) in local or self._ownership.has_left(name, tensor):
                continue
            if users.get(name) is not tensor:
                names.pop(users.pop(name, None), None)
            users[name], names[tensor], users_constraints[name] = tensor, name, constraints[name]
            self._ownership.given_params[name] = tensor
        for name in self._ownership.no_longer_given(users, tensors):
            names.pop(users.pop(name), None)
            users_constraints.pop(name, None)

    def _local_tensors(self) -> Iterator[torch.Tensor]:
        """Yield the parameters that a loop of the user's would keep in modules and out of the store."""
        if pyro.settings.get("module_local_params"):
            held = (owned for owned in self._modules if isinstance(owned.module, PyroModule))
            yield from tensors_in(owned.attributes for owned in held)


class _Registering(Messenger):
    """Tells a state of each parameter before anything is computed from it."""

    def __init__(self, state: OwnState) -> None:
        super().__init__()
        self._state = state
        self._seen: dict[str, torch.Tensor] = {}

    def _pyro_param(self, msg: Any) -> None:
        if msg["name"] in present_params()[0]:
            return
        for value in msg["args"][1:2]:  # what it begins with, where that is given as a tensor
            if isinstance(value, torch.Tensor):
                self._state.register(value)

    def _pyro_post_param(self, msg: Any) -> None:
        self._state.used.add(msg["name"])
        unconstrained = getattr(msg["value"], "unconstrained", None)
        if unconstrained is None:
            return
        tensor = unconstrained()
        if self._seen.get(msg["name"]) is not tensor:  # a handler may have put another tensor in its place
            self._state.register(tensor)
            self._seen[msg["name"]] = tensor
