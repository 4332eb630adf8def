from __future__ import annotations

import pytest
from news import scores
from news.model import Model
from news.text import Vocabulary

SPORT = {"headline": "Late goal", "text": "The captain scored a goal.", "section": "sport"}
WORLD = {"headline": "Vote today", "text": "The minister lost the vote.", "section": "world"}


def test_the_vocabulary_keeps_words_that_are_common_enough() -> None:
    vocabulary = Vocabulary.learn([SPORT, WORLD], minimum_count=2, lowercase=True)
    assert list(vocabulary.frequencies) == ["the"]
    assert "The" in Vocabulary.learn([SPORT, WORLD], minimum_count=1, lowercase=False).frequencies


def test_features_are_of_length_one_and_leave_unknown_words_out() -> None:
    vocabulary = Vocabulary.learn([SPORT], minimum_count=1, lowercase=True)
    features = vocabulary.features(SPORT)
    assert sum(weight * weight for _, weight in features) == pytest.approx(1)
    assert vocabulary.features({"headline": "unheard", "text": ""}) == []


def test_the_learner_tells_apart_what_can_be_told_apart() -> None:
    vocabulary = Vocabulary.learn([SPORT, WORLD], minimum_count=1, lowercase=True)
    examples = [(vocabulary.features(SPORT), 0), (vocabulary.features(WORLD), 1)] * 10
    model = Model(["sport", "world"], vocabulary)
    epochs = list(model.fit(examples, epochs=5, rate=1.0, l2=0.0, seed=1))
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5]
    assert epochs[-1].loss < epochs[0].loss
    assert model.accuracy(examples) == 1
    assert sum(model.probabilities(examples[0][0])) == pytest.approx(1)


def test_a_model_survives_being_written_and_read() -> None:
    vocabulary = Vocabulary.learn([SPORT, WORLD], minimum_count=1, lowercase=True)
    model = Model(["sport", "world"], vocabulary)
    features = vocabulary.features(SPORT)
    list(model.fit([(features, 1)], epochs=3, rate=1.0, l2=0.0, seed=1))
    again = Model.from_dict(model.to_dict())
    assert again.predict(again.vocabulary.features(SPORT)) == 1
    assert again.probabilities(features) == pytest.approx(model.probabilities(features), abs=1e-3)


def test_scores_of_a_known_matrix() -> None:
    matrix = scores.confusion_matrix([(0, 0), (0, 0), (0, 1), (1, 1)], 3)
    assert matrix == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert scores.accuracy(matrix) == 0.75
    assert scores.f1_scores(matrix) == pytest.approx([0.8, 2 / 3, 0.0])
    assert scores.macro_f1(matrix) == pytest.approx((0.8 + 2 / 3) / 3)
