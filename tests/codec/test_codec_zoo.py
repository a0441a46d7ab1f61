"""What a file's header may ask of the zoo of codecs."""

import pytest

from hsigan.codec.zoo import CODECS, codec_of_file
from hsigan.errors import StreamError


@pytest.mark.parametrize("name", [name for name, entry in CODECS.items() if entry.needs_model])
def test_a_codec_with_a_model_decodes_no_file_that_names_none(name):
    with pytest.raises(StreamError, match="names no model"):
        codec_of_file(CODECS[name].number, b"")


def test_no_two_codecs_share_a_number():
    numbers = [entry.number for entry in CODECS.values()]
    assert len(set(numbers)) == len(numbers)
