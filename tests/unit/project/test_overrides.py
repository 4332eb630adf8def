from __future__ import annotations

import pytest
import valohai_yaml

from localhai.errors import UsageError
from localhai.project.overrides import Overrides, with_words

STEP = valohai_yaml.parse(
    [
        {
            "step": {
                "name": "s",
                "image": "i",
                "command": "c",
                "parameters": [
                    {"name": "learning_rate", "type": "float"},
                    {"name": "layers", "type": "integer", "multiple": "repeat"},
                    {"name": "fast", "type": "flag"},
                    {"name": "both"},
                ],
                "inputs": [{"name": "train data"}, {"name": "both"}],
            }
        }
    ]
).steps["s"]


@pytest.mark.parametrize(
    ("words", "parameters", "inputs"),
    [
        ([], {}, {}),
        (["--learning_rate=1", "--learning-rate", "2"], {"learning_rate": "2"}, {}),
        (["--learning-rate", "-5"], {"learning_rate": "-5"}, {}),
        (["--Learning-Rate=a=b"], {"learning_rate": "a=b"}, {}),
        (["--layers=1", "--layers", "2"], {"layers": ["1", "2"]}, {}),
        (["--layers=1"], {"layers": ["1"]}, {}),
        (["--fast"], {"fast": "true"}, {}),
        (["--fast=false"], {"fast": "false"}, {}),
        (["--train-data=s3://a", "--train-data=s3://b"], {}, {"train data": ["s3://a", "s3://b"]}),
        (["--train-data="], {}, {"train data": [""]}),
        (["--both=x"], {}, {"both": ["x"]}),
    ],
)
def test_options_of_a_step_are_sorted(words, parameters, inputs):
    sorted_words = with_words(Overrides(), STEP, words)
    assert (sorted_words.parameters, sorted_words.inputs) == (parameters, inputs)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--learnin-rate=1"], "there is no parameter or input 'learnin-rate' in step s"),
        (["--layers"], "--layers needs a value"),
        (["stray"], "'stray' is not an option of step s"),
        (["--"], "'--' is not an option of step s"),
    ],
)
def test_what_is_no_option_is_refused(words, says):
    with pytest.raises(UsageError, match=says) as raised:
        with_words(Overrides(), STEP, words)
    assert raised.value.hints
