import pytest

from core.sealing import SealError, seal, unseal


def test_what_is_sealed_is_read_again_and_tells_nothing():
    sealed = seal("canary-77")

    assert "canary-77" not in sealed
    assert sealed != seal("canary-77")
    assert unseal(sealed) == "canary-77"


def test_another_secret_key_opens_nothing_and_an_older_one_still_does(settings):
    sealed = seal("canary-77")
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another"

    with pytest.raises(SealError):
        unseal(sealed)

    settings.SECRET_KEY_FALLBACKS = [before]
    assert unseal(sealed) == "canary-77"


def test_what_was_changed_is_not_opened():
    with pytest.raises(SealError):
        unseal(seal("a")[:-8] + "AAAAAAA=")
