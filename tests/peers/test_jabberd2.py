"""Real clients through Fairlead to a real jabberd2."""

import pytest

import scenarios


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS)
def test_log_in_talk_and_log_out(jabberd2, page, library, transport):
    scenarios.talk(jabberd2, library, transport, page)


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS[:3])
def test_a_wrong_password_is_refused(jabberd2, page, library, transport):
    scenarios.refused(jabberd2, library, transport, page)
