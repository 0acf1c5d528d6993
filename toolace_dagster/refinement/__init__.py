"""Stage 2, iterative refinement: complexity injection and reasonability refinement.

Belongs here: what is masked, how fills become edits, the judge. Does not belong
here: making the skeleton (``initialization``), or the final verdict
(``verification``).
"""
