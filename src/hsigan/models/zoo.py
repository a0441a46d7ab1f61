"""Every network by name: what the contract tests in ``tests/models/test_zoo.py`` hold together.

Each network knows its ``arguments``, plain data that rebuilds it. Generators draw their own latents
and map them, with (N, K) class weights, to samples; critics map samples, and class weights where
they know classes, to (N,) scores; classifiers map samples to (N, K) logits.
"""

from __future__ import annotations

from torch import nn

from hsigan.models.classifiers import CLASSIFIER_NETWORKS
from hsigan.models.discriminators import HyperCritic, ProjectionCritic
from hsigan.models.generators import HyperGenerator, KernelGenerator
from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_generators import PatchGenerator
from hsigan.models.patch_kernels import PatchKernelGenerator
from hsigan.models.patch_per_class import PerClassCritic, PerClassGenerator

GENERATORS: dict[str, type[nn.Module]] = {
    "hyper": HyperGenerator,
    "kernel": KernelGenerator,
    "patch": PatchGenerator,
    "patch-kernel": PatchKernelGenerator,
    "patch-per-class": PerClassGenerator,
    "patch-class-units": ClassUnitsGenerator,
}

CRITICS: dict[str, type[nn.Module]] = {
    "hyper": HyperCritic,
    "projection": ProjectionCritic,
    "patch": PatchCritic,
    "patch-per-class": PerClassCritic,
}

CLASSIFIERS: dict[str, type[nn.Module]] = {**CLASSIFIER_NETWORKS, **PATCH_CLASSIFIERS}
