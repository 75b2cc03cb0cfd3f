"""Identities and ranks are stored for ever: their values are fixed."""

from tracking.identity import content_identity, content_rank, given_identity, span_identity


def test_identities_stay_what_they_were():
    assert span_identity("t", "s").hex() == "6c1260b2f3deede917d16433322a7ceb"
    assert given_identity("t\0s").hex() == "e47a238b98d571ab8077f974fb75d3c7"
    assert content_identity(b"{}", 0).hex() == "b277f3c2697186e875703073a9fc37f8"
    assert content_rank(b"{}") == 3320404949056263377


def test_the_kinds_of_identity_never_meet():
    assert len({span_identity("t", "s"), given_identity("t\0s"), content_identity(b"t\0s", 0)}) == 3


def test_equal_items_of_a_request_are_told_apart_by_their_ordinal():
    assert content_identity(b"{}", 0) != content_identity(b"{}", 1)


def test_ranks_are_signed_64_bit():
    ranks = [content_rank(b"%d" % n) for n in range(100)]

    assert min(ranks) < 0 < max(ranks)
    assert all(-(2**63) <= rank < 2**63 for rank in ranks)


def test_an_id_of_any_text_has_an_identity():
    assert len(given_identity("\ud800")) == 16
