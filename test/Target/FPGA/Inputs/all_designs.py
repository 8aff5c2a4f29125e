"""Designs for whatever writes and runs them."""
from attention import make_attention
from products import make_product
from random_bodies import make_random_body
from streams import make_streams
from units import make_units


def make_all(rng):
    for shape in [(3, 32, 12, 4, 8, 100), (1, 16, 5, 1, 1, 250), (5, 24, 8, 2, 4, 150)]:
        yield make_product(rng, *shape)
    yield make_random_body(rng)
    yield make_random_body(rng)
    yield make_streams(rng)
    yield make_units(rng)
    yield make_attention(rng)
