import hashlib

import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.scene.catalogue import BASE_ADDRESS, KNOWN_SCENES, known_scene
from hsigan.scene.matlab import read_mat

LABEL_FILES = {
    "indian-pines": "indian_pines_corrected_gt.mat",
    "pavia-university": "paviaU_gt.mat",
    "pavia-centre": "paviaC_gt.mat",
    "salinas": "salinas_gt.mat",
    "ksc": "KSC_gt.mat",
    "botswana": "Botswana_gt.mat",
}


@pytest.mark.parametrize("key", KNOWN_SCENES)
def test_entries_agree_with_themselves(key):
    scene = KNOWN_SCENES[key]
    assert scene.key == key
    assert scene.image.shape[:2] == scene.labels.shape
    wavelengths_nm = scene.wavelengths_nm()
    assert wavelengths_nm.shape == (scene.bands,)
    assert 350 < wavelengths_nm.min() < wavelengths_nm.max() < 2600
    assert len(set(scene.class_names.values())) == len(scene.class_names)


@pytest.mark.parametrize("key", KNOWN_SCENES)
def test_addresses_follow_the_wiki_that_serves_them(key):
    # MediaWiki keeps a file in folders named after the first digits of the MD5 of its name.
    for file in (KNOWN_SCENES[key].image, KNOWN_SCENES[key].labels):
        digest = hashlib.md5(file.name.encode(), usedforsecurity=False).hexdigest()
        assert file.address == f"{BASE_ADDRESS}{digest[0]}/{digest[:2]}/{file.name}"


@pytest.mark.parametrize(("key", "name"), LABEL_FILES.items())
def test_facts_agree_with_real_label_maps(data_dir, key, name):
    scene = KNOWN_SCENES[key]
    label = read_mat(data_dir / "ground_truth" / name, scene.labels.variable)
    assert label.shape == scene.labels.shape
    assert np.count_nonzero(label) == scene.labelled_pixels
    assert set(np.unique(label).tolist()) - {0} == set(scene.class_names)


def test_nominal_wavelengths_are_those_of_the_sensor(data_dir):
    path = data_dir / "wavelengths" / "AVIRIS_wavelengths.mat"
    published = np.ravel(read_mat(path, "AVIRIS_wavlen")).astype(float)
    dropped = np.r_[107:112, 153:167, 223]
    expected = np.delete(published, dropped)
    assert np.abs(KNOWN_SCENES["salinas"].wavelengths_nm() - expected).max() < 3.0


def test_names_are_forgiving_and_mistakes_are_helped():
    assert known_scene("Indian_Pines") is KNOWN_SCENES["indian-pines"]
    with pytest.raises(InputError, match=r"'salina'.*Did you mean salinas"):
        known_scene("salina")
