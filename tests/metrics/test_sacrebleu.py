"""Self-BLEU beside the reference implementation."""

from __future__ import annotations

import random

import pytest

from toolace_dagster.metrics.self_bleu import self_bleu

sacrebleu = pytest.importorskip("sacrebleu")


def reference(texts: list[list[str]]) -> float:
    bleu = sacrebleu.BLEU(tokenize="none", effective_order=True)
    lines = [" ".join(text) for text in texts]
    scores = [bleu.sentence_score(line, lines[:n] + lines[n + 1 :]).score for n, line in enumerate(lines)]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_sacrebleu_of_each_text_beside_the_others(seed: int) -> None:
    rng = random.Random(seed)
    words = [f"w{n}" for n in range(rng.choice([3, 10, 60]))]
    texts = [[rng.choice(words) for _ in range(rng.randrange(0, 25))] for _ in range(rng.randrange(2, 30))]
    assert self_bleu(texts) == pytest.approx(reference(texts), abs=1e-6)
