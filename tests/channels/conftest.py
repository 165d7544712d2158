"""Fixtures of the tests of channels: what misbehaves stands in `receivers`."""

import pytest
from receivers import Authority, Receiver

from core.settings import DeliverySettings


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def local_settings():
    """Settings with which loopback may be reached."""
    return DeliverySettings(webhook_allow_http=True, webhook_private_networks="127.0.0.0/8 ::1/128")
