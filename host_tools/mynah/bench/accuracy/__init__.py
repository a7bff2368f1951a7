"""Miss rate against false accepts per hour of wake-word engines, over a folder of recordings."""

from mynah.bench.accuracy.corpus import Corpus, read_corpus
from mynah.bench.accuracy.measure import Measurement, measure
from mynah.bench.accuracy.recipe import Recipe

__all__ = ["Corpus", "Measurement", "Recipe", "measure", "read_corpus"]
