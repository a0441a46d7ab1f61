"""Trained generators on disk: those of an earlier hsigan too."""

import numpy as np
import torch

from hsigan.models.generators import KernelGenerator
from hsigan.synthesis.class_covariance import Density
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.synthesis.kernels import kernel_generator
from hsigan.synthesis.trained import KernelSpectra
from hsigan.training.run_folder import RunFolder


def trained(counts=(9, 6)):
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(len(counts)), counts)
    spectra = random.normal(size=(len(codes), 12)).cumsum(axis=1) + 5 * codes[:, None]
    space = FeatureSpace.fit(spectra, codes, 4, 1.0, random)
    return KernelSpectra(
        kernel_generator(space, spectra, codes, Density(), random, noise=2, width=4), space
    )


def drawn(generator: KernelGenerator) -> torch.Tensor:
    return generator.draw_latents(torch.arange(40) % 2, torch.Generator().manual_seed(1))


def test_a_generator_comes_back_as_it_was_saved(tmp_path):
    before = trained()
    run = RunFolder.create(tmp_path, {"recipe": "spectral"})
    before.save(run, "generator", {})
    after = KernelSpectra.load(*run.load("generator"))
    assert torch.equal(drawn(after.generator), drawn(before.generator))
    weights = np.eye(2)[np.arange(40) % 2]
    latents = drawn(before.generator), torch.from_numpy(weights).float()
    np.testing.assert_array_equal(after.spectra(*latents, None), before.spectra(*latents, None))


def test_anchors_of_an_early_run_become_centres_pulled_in_by_their_own_bandwidth(tmp_path):
    run = RunFolder.create(tmp_path, {"recipe": "spectral"})
    trained().save(run, "generator", {})
    tensors, facts = run.load("generator")
    anchors = torch.randn(15, 4, generator=torch.Generator().manual_seed(2))
    bandwidths = torch.tensor([0.6, 1.0])
    del tensors["centres"]
    arguments = dict(facts["arguments"])
    arguments["anchors"] = arguments.pop("centres")
    old = {**tensors, "anchors": anchors, "bandwidths": bandwidths}
    loaded = KernelSpectra.load(old, {**facts, "arguments": arguments}).generator
    torch.testing.assert_close(loaded.centres[:9], 0.8 * anchors[:9])
    assert not loaded.centres[9:].any()  # a bandwidth of one left the class's Gaussian
    assert torch.isfinite(drawn(loaded)).all()
