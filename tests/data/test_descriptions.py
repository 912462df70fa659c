import pytest

from aed_lightning.core import DataError
from aed_lightning.data import open_layout
from aed_lightning.data.layouts import DESCRIPTIONS, LAYOUTS


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_description_of_a_data_set_has_the_tree_that_a_missing_one_asks_for(name, tmp_path):
    text = str(DESCRIPTIONS[name])
    with pytest.raises(DataError) as error:
        open_layout(name, tmp_path / "missing")
    tree = str(error.value).split("Expected below it:\n")[1].rsplit("\n", 1)[0]
    assert tree in text
    for word in ("licence", "cite", "labels"):
        assert f"\n{word}:\n  " in text


def test_every_layout_is_described():
    assert list(DESCRIPTIONS) == list(LAYOUTS)
