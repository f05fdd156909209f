"""Real clients through Fairlead to a real ejabberd."""

import pytest

import scenarios


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS)
def test_log_in_talk_and_log_out(ejabberd, page, library, transport):
    scenarios.talk(ejabberd, library, transport, page)


@pytest.mark.parametrize("library, transport", scenarios.CLIENTS[:3])
def test_a_wrong_password_is_refused(ejabberd, page, library, transport):
    scenarios.refused(ejabberd, library, transport, page)
