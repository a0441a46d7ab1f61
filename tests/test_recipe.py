import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsigan.errors import RecipeError
from hsigan.recipe import build_config, load_recipe, parse_value, recipe_names, to_toml
from hsigan.synthesis.gan_settings import CONFIGS, resolve_settings
from hsigan.training.hypergan import HyperganConfig
from hsigan.training.spectral import SpectralConfig

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(texts, st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
tables = st.recursive(
    st.dictionaries(texts, values, max_size=3),
    lambda inner: st.dictionaries(texts, st.one_of(values, inner), max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(tables)
def test_toml_comes_back_as_it_was(table):
    assert tomllib.loads(to_toml(table)) == table


def test_nested_tables_keep_their_place_and_none_is_left_out():
    table = {"a": {"b": {"c": 1}, "d": None, "e": "x = None"}, "f g": [1, "two"]}
    kept = {"a": {"b": {"c": 1}, "e": "x = None"}, "f g": [1, "two"]}
    assert tomllib.loads(to_toml(table)) == kept


@pytest.mark.parametrize("name", recipe_names("gan"))
def test_every_shipped_gan_recipe_builds(name):
    config = resolve_settings(name)
    assert type(config) is CONFIGS[load_recipe("gan", name)["objective"]]
    assert config.mode == ("semi-supervised" if name.endswith("semi-supervised") else "supervised")


def test_recipes_hold_the_paper_and_the_notebook():
    paper, notebook = resolve_settings("hypergan"), resolve_settings("hypergan-notebook")
    assert (paper.steps, paper.critic_steps, paper.mixup_alpha) == (100_000, 2, 0.0)
    assert (notebook.critic_steps, notebook.mixup_alpha) == (5, 0.1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("1e-4", 1e-4), ("true", True), ("[1, 2]", [1, 2]), ("bf16", "bf16"),
        ("semi-supervised", "semi-supervised"), ('"4"', "4"), ("", ""), ("a = b", "a = b"),
    ],
)  # fmt: skip
def test_overrides_are_read_as_toml_and_bare_words_as_text(text, value):
    assert parse_value(text) == value


def test_overrides_lie_over_values_over_defaults():
    config = build_config(SpectralConfig, {"steps": 5, "batch": 9}, ["batch = 17"])
    assert (config.steps, config.batch) == (5, 17)
    assert config.width == SpectralConfig().width


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ("learning_rat=1", "did you mean 'learning_rate'"),
        ("steps=-1", "'steps'.*Got -1"),
        ("steps=few", "'steps'.*Got 'few'"),
        ("learning_rate=nan", "'learning_rate'.*finite"),
        ("mode=sometimes", "'mode'.*Got 'sometimes'"),
        ("objective=hypergan", "'objective'"),
        ("steps", "key=value"),
        ("=4", "unknown setting ''"),
    ],
)
def test_what_a_recipe_does_not_know_is_named(settings_, words):
    with pytest.raises(RecipeError, match=words):
        build_config(SpectralConfig, {}, [settings_])


def test_settings_that_do_not_go_together_are_refused_in_plain_words():
    with pytest.raises(RecipeError, match=r"^start = 'density' needs components"):
        resolve_settings("patch", {"components": 0})


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        HyperganConfig().steps = 3


def test_recipe_files_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('objective = "hypergan"\nsteps = 7\n')
    assert resolve_settings(str(path)).steps == 7
    for text in ("objective = ", 'objective = "other"', "objective = [1]", "[steps]\na = 1"):
        path.write_text(text)
        with pytest.raises(RecipeError):
            resolve_settings(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        resolve_settings(str(path))
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe("gan", tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="did you mean 'spectral'"):
        load_recipe("gan", "spectrl")
