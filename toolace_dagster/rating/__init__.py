"""Human rating: a person compares two dialogues of the same task, not knowing which home each is from.

Belongs here: pairs, what a person said of them, and what that comes to. Does not
belong here: pages (``explorer``), or printing (``cli``).
"""

from toolace_dagster.rating.figures import with_ratings
from toolace_dagster.rating.pairs import Pair, Pairs, Side
from toolace_dagster.rating.records import CHOICES, Choice, Rating, RatingFault, read_ratings, record_rating
from toolace_dagster.rating.summary import Tally, tally_ratings

__all__ = [
    "CHOICES",
    "Choice",
    "Pair",
    "Pairs",
    "Rating",
    "RatingFault",
    "Side",
    "Tally",
    "read_ratings",
    "record_rating",
    "tally_ratings",
    "with_ratings",
]
