"""Real clients through Fairlead to a real Prosody."""

import pytest

import scenarios


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS)
def test_log_in_talk_and_log_out(prosody, page, library, transport):
    scenarios.talk(prosody, library, transport, page)


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS[:3])
def test_a_wrong_password_is_refused(prosody, page, library, transport):
    scenarios.refused(prosody, library, transport, page)


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS[:3])
def test_a_silent_client_is_still_reached(prosody, page, library, transport):
    scenarios.idle(prosody, library, transport, page)
