"""How alike texts or sequences are, for many at once: MinHash signatures and an index over them.

A signature is 128 minima over the hashes of a sequence's runs of neighbours; the share of places in
which two signatures agree estimates the Jaccard similarity of their sets (Broder 1997),
with a standard error of at most 0.045. The index cuts signatures into bands
and compares only those that agree in a whole band (Leskovec, Rajaraman, Ullman,
*Mining of Massive Datasets*, chapter 3).

Signatures are the same on every machine and in every process, so they may be stored.

Belongs here: words of a text, signatures, the index, all pairs at once, groups. Does not
belong here: what is compared, or what follows when two are alike.
"""

from toolace_dagster.likeness.groups import groups_of, leads_of
from toolace_dagster.likeness.index import LikenessIndex
from toolace_dagster.likeness.pairs import alike_pairs
from toolace_dagster.likeness.signatures import PLACES, Signature, likeness, normal_words, signature, signatures

__all__ = [
    "PLACES",
    "LikenessIndex",
    "Signature",
    "alike_pairs",
    "groups_of",
    "leads_of",
    "likeness",
    "normal_words",
    "signature",
    "signatures",
]
