"""Random generators of CUDA are taken, seeded and given back with the processor's, where CUDA is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from rugged_widget.infer.guides.sampling import same_noise
from rugged_widget.infer.step.isolation import Isolation, random_numbers_kept
from rugged_widget.infer.step.torch_random import current_torch, install_torch, seeded_torch

if TYPE_CHECKING:
    from collections.abc import Sequence


class Devices:
    """Stands for two CUDA devices: their generators run on the processor."""

    def __init__(self) -> None:
        self.generators = [torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)]
        self.in_use = True

    def states(self) -> list[torch.Tensor]:
        assert self.in_use, "CUDA was begun to be used"
        return [generator.get_state() for generator in self.generators]

    def install(self, states: Sequence[torch.Tensor]) -> None:
        assert self.in_use, "CUDA was begun to be used"
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)

    def seed(self, seed: int) -> None:
        assert self.in_use, "CUDA was begun to be used"
        for generator in self.generators:
            generator.manual_seed(seed)

    def draw(self) -> list[float]:
        return [float(torch.rand((), generator=generator)) for generator in self.generators]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    made = Devices()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: made.in_use)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", made.states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", made.install)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", made.seed)
    return made


def expected(seed: int, count: int) -> list[list[float]]:
    others = Devices()
    others.seed(seed)
    return [others.draw() for _ in range(count)]


def test_a_place_has_its_own_numbers_on_every_device_and_gives_back_those_of_the_user(devices: Devices) -> None:
    of_user, place, found = Devices(), Isolation(4), []
    for _ in range(3):
        with place.inside():
            found.append(devices.draw())
        assert devices.draw() == of_user.draw()
    assert found == expected(4, 3)


def test_the_numbers_come_back_where_the_body_raises(devices: Devices) -> None:
    of_user, place = Devices(), Isolation(4)

    def body() -> None:
        with place.inside():
            devices.draw()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        body()
    assert devices.draw() == of_user.draw()


def test_a_place_from_before_cuda_was_in_use_begins_there_with_its_seed(devices: Devices) -> None:
    devices.in_use = False
    place = Isolation(4)
    devices.in_use = True
    with place.inside():
        assert [devices.draw()] == expected(4, 1)


def test_a_seed_waits_until_cuda_is_in_use(devices: Devices) -> None:
    devices.in_use = False
    place = Isolation(4)
    with place.inside():
        pass
    with place.inside(), random_numbers_kept():
        devices.in_use = True  # as by a first call of the model, which is undone
        devices.draw()
    with place.inside():
        assert [devices.draw()] == expected(4, 1)
    of_user = devices.states()
    with place.inside():
        assert devices.draw() == expected(4, 2)[1]
    assert all(torch.equal(one, two) for one, two in zip(of_user, devices.states(), strict=True))


def test_cuda_is_not_called_before_it_is_in_use(devices: Devices) -> None:
    devices.in_use = False
    with Isolation(4).inside(), random_numbers_kept(), same_noise():
        torch.rand(2)
    install_torch(seeded_torch(3))
    assert current_torch().cuda == ()


def test_numbers_that_are_used_are_given_back(devices: Devices) -> None:
    of_user = Devices()
    with random_numbers_kept():
        devices.draw()
    with same_noise():
        first = devices.draw()
    with same_noise():
        assert devices.draw() == first
    assert devices.draw() == of_user.draw()
